import Linux
import Synchronization
import TestSupport
import Testing

@testable import ImageMount

@Suite struct DeadlineQueueTests {
    private final class Log: Sendable {
        let fired = Mutex<[Int]>([])
    }

    @Test func firesInTheOrderOfTimeAndNotWhatWasCancelled() async throws {
        let log = Log()
        let cancelled = Deadline()
        for (number, delay) in [(3, 300), (1, 50), (2, 150)] {
            DeadlineQueue.shared.schedule(after: .milliseconds(delay)) { log.fired.withLock { $0.append(number) } }
        }
        DeadlineQueue.shared.schedule(cancelled, after: .milliseconds(100)) { log.fired.withLock { $0.append(9) } }
        cancelled.cancel()
        #expect(await eventually { log.fired.withLock { $0.count } == 3 })
        #expect(log.fired.withLock { $0 } == [1, 2, 3])
    }

    @Test func whatIsCancelledBeforeItIsScheduledNeverFires() async throws {
        let log = Log()
        let deadline = Deadline()
        deadline.cancel()
        DeadlineQueue.shared.schedule(deadline, after: .zero) { log.fired.withLock { $0.append(1) } }
        try await Task.sleep(for: .milliseconds(50))
        #expect(log.fired.withLock { $0 }.isEmpty)
    }
}
