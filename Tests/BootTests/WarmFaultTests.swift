import Linux
import TestSupport
import Testing

@testable import Boot

/// Whatever file call fails, once or from then on: a state is there whole or not at all, and another can be made.
@Suite(.serialized) struct WarmFaultTests {
    @Test func aStateIsThereWholeOrNotAtAllWhateverFails() async throws {
        let problems = try await FileFaults.tryEvery("warm state") { _ in try Trial(isReplaced: false) }
        #expect(problems == [])
    }

    @Test func theOldOneOrTheNewOneIsThereWhateverFails() async throws {
        let problems = try await FileFaults.tryEvery("warm state, replaced") { _ in try Trial(isReplaced: true) }
        #expect(problems == [])
    }

    private struct Trial: FaultTrial {
        let fixture: WarmFixture
        var folder: String { fixture.folder.path("cache") }
        private static let memory: [UInt8] = Array(WarmFixture.memory.prefix(10_000))

        init(isReplaced: Bool) throws {
            fixture = try WarmFixture(in: FileFaults.place)
            if isReplaced { try fixture.make(memory: [1]) }
        }

        func run() async throws { try fixture.make(memory: Trial.memory) }

        func isTolerable(_ fault: FileFaults.Injected) -> Bool {
            // What is removed again, or looked at in order to remove it, and what is counted; a lock's file lies in a folder that its maker's
            // end frees.
            [
                "access", "unlink", "unlinkat", "rmdir", "open", "openat", "fstat", "fstatat", "stat", "lstat",
                "readdir",
                "close", "utimensat", "pread", "flock",
            ]
            .contains(fault.call)
        }

        func check(_ outcome: FileFaults.Outcome) async throws {
            let library = fixture.library
            switch library.find(WarmFixture.needs()) {
            case .state(let state):
                let bytes = try fixture.fed(state)
                try FileFaults.require(bytes == Trial.memory || bytes == [1], "another memory")
                try FileFaults.require(
                    outcome.error != nil || bytes == Trial.memory, "the old one although nothing failed")
            case .none: try FileFaults.require(outcome.error != nil, "none although nothing failed")
            case .misfit(let reason): throw FileFaults.Loss("a state that cannot be used: \(reason)")
            }
            try fixture.make(memory: Trial.memory)
            guard case .state(let state) = library.find(WarmFixture.needs()) else {
                throw FileFaults.Loss("no other can be made")
            }
            try FileFaults.require(try fixture.fed(state) == Trial.memory, "not the new one")
            let names = TemporaryDirectory.names(library.path)
            try FileFaults.require(names == [WarmFixture.needs().key], "left: \(names)")
        }
    }
}
