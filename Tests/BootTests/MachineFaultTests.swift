import BlockStore
import Linux
import TestSupport
import Testing

@testable import Boot

/// Whatever file call fails, once or from then on (which is what a kill leaves): a change of a machine has happened or it has not, and the machine
/// starts with what its guest wrote.
@Suite(.serialized, .timeLimit(.minutes(10))) struct MachineFaultTests {
    enum Change: CaseIterable, Sendable {
        case snapshot, revert, removal, clone, rename, forget, grow, make
    }

    @Test(arguments: Change.allCases)
    func aChangeHappensOrDoesNotWhateverFails(_ change: Change) async throws {
        let original = try MachineFixture(in: FileFaults.place)
        withExtendedLifetime(try original.make("work")) {}
        original.directory("abc").removeDisk()
        try original.write("a", to: "work")
        try original.library.snapshot("work", as: "first")
        try original.write("b", to: "work")
        let problems = try await FileFaults.tryEvery("machine, \(change)", [.once, .lasting]) { number in
            let folder = original.folder.path("\(number)")
            try FileFaults.copy(original.folder.path("state"), to: folder)
            return Trial(folder: folder, fixture: original, change: change)
        }
        #expect(problems == [])
    }
}

private struct Trial: FaultTrial {
    let folder: String
    let fixture: MachineFixture
    let change: MachineFaultTests.Change

    private var places: Places {
        Places(environment: { $0 == "XDG_STATE_HOME" ? folder : nil }, user: 1, home: folder)
    }
    private var library: MachineLibrary { MachineLibrary(places: places) }

    func run() throws {
        let cache = fixture.cache
        switch change {
        case .snapshot: try library.snapshot("work", as: "second")
        case .revert: try library.revert("work", to: "first", keeping: "second")
        case .removal: try library.removeSnapshot("first", of: "work")
        case .clone: try library.clone("work", as: "other", cache: cache)
        case .rename: try library.rename("work", to: "other", cache: cache)
        case .forget: try library.forget("work", cache: cache)
        case .grow: try library.grow("work", to: 4 << 20)
        case .make: withExtendedLifetime(try fixture.make("other", in: places)) {}
        }
    }

    func isTolerable(_ fault: FileFaults.Injected) -> Bool {
        // Cleaning up, and looking first whether there is something to clean up or whom to name in an error.
        ["unlink", "unlinkat", "rmdir", "stat", "lstat", "fstatat", "access", "fstatvfs", "statvfs"].contains(
            fault.call)
            || fault.call == "open" || fault.call == "openat" || fault.call == "readdir"
            // To pin the base, which is tried again when the machines are listed.
            || fault.path.hasSuffix("/index")
    }

    func check(_ outcome: FileFaults.Outcome) throws {
        library.clearStale()
        let names = try library.names()
        let work = names.contains("work") ? try state("work") : nil
        let other = names.contains("other") ? try state("other") : nil
        let before = "b, first"
        let allowed: [(String?, String?)] =
            switch change {
            case .snapshot: [(before, nil), ("b, first second", nil)]
            case .revert: [(before, nil), ("a, first second", nil)]
            case .removal: [(before, nil), ("b, ", nil)]
            case .clone: [(before, nil), (before, "b, ")]
            case .rename: [(before, nil), (nil, before)]
            case .forget: [(before, nil), (nil, nil)]
            case .grow: [(before, nil)]
            case .make: [(before, nil), (before, ", ")]
            }
        try FileFaults.require(
            allowed.contains { $0 == (work, other) },
            "the machines are \(work ?? "gone") and \(other ?? "not there") after \(outcome.error.map { "\($0)" } ?? "no error")"
        )
        if outcome.error == nil, outcome.injected.isEmpty {
            let last = allowed[allowed.count - 1]
            try FileFaults.require(last == (work, other), "it did not happen")
        }
        // It works then, or says that it has happened.
        guard names.contains("work") else { return }
        try library.snapshot("work", as: "afterwards")
        let record = try library.record("work")
        let known = Set(record.disk.layers.flatMap { ["\($0.id).qcow2", "\($0.id).fd"] })
        let left = try Folder.names(in: library.folder("work").layers).filter { !known.contains($0) }
        try FileFaults.require(left.isEmpty, "\(left) is left")
    }

    /// What the guest reads, and the snapshots.
    private func state(_ name: String) throws -> String {
        let machine = try SessionMachine(
            .started(name), directory: SessionDirectory(id: "xyz", places: places), places: places)
        withExtendedLifetime(machine) {}
        let snapshots = try library.record(name).disk.snapshots.map(\.name).joined(separator: " ")
        return "\(try fixture.read(name, in: places) ?? "?"), \(snapshots)"
    }
}
