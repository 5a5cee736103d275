import Curl
import Linux
import Synchronization
import TestSupport
import Testing

/// Faults on purpose, which `Tests/Sanitizers/run` must see reported before it trusts a run without reports. It runs each alone; nobody
/// else does.
@Suite(.enabled(if: Environment.value("OSCIRCULAR_PLANTED_FAULTS") != nil, "these tests are faulty on purpose"))
struct PlantedFaultTests {
    /// A number that two threads change without a lock, both at the same time.
    private final class Unprotected: @unchecked Sendable {
        private var number = 0
        private let threads = Atomic(0)

        func change() {
            threads.add(1, ordering: .relaxed)
            let end = ContinuousClock.now + .seconds(30)
            while threads.load(ordering: .relaxed) < 2, ContinuousClock.now < end { number += 1 }
            number += 1
        }
    }

    @Test func aRaceOfTwoThreads() throws {
        let shared = Unprotected()
        let isOver = Monitor(false)
        try WorkerThread.start(name: "race") {
            shared.change()
            isOver.change { $0 = true }
        }
        shared.change()
        _ = isOver.wait { $0 ? true : nil }
    }

    /// In a frame of ours that libcurl calls: what is said of a library must not hide it.
    @Test func aRaceInACallbackOfACLibrary() throws {
        let folder = try TemporaryDirectory()
        let url = "file://\(try folder.write(Array("hello".utf8), to: "hello"))"
        let shared = Unprotected()
        let isOver = Monitor(false)
        let file = TransferFile(try FileHandle(folder.path("kept"), for: .writing, .create)) { bytes, _ in
            if bytes > 0 { shared.change() }
        }
        let queue = TransferQueue()
        queue.start(TransferRequest(url: url, maximumBytes: 100, file: file)) { _ in isOver.change { $0 = true } }
        shared.change()
        _ = isOver.wait { $0 ? true : nil }
    }

    @Test func aUseAfterFree() {
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: 4)
        memory.initialize(repeating: 1, count: 4)
        memory.deallocate()
        #expect(memory[2] != 42)
    }

    @Test func anOverflow() {
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: 4)
        defer { memory.deallocate() }
        memory.initialize(repeating: 1, count: 4)
        #expect(memory[4] != 42)
    }
}
