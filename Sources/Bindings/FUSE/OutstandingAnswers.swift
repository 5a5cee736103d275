import Glibc
import Synchronization

/// The requests of a session that nobody has answered yet. libfuse's session must outlive every one of them.
final class OutstandingAnswers: Sendable {
    private let answers = Mutex<[ObjectIdentifier: PendingAnswer]>([:])

    func add(_ answer: PendingAnswer) {
        answers.withLock { $0[ObjectIdentifier(answer)] = answer }
    }

    func remove(_ answer: PendingAnswer) {
        _ = answers.withLock { $0.removeValue(forKey: ObjectIdentifier(answer)) }
    }

    var count: Int { answers.withLock { $0.count } }

    /// Answers all of them with an error number.
    func failAll(_ code: Int32) {
        for answer in answers.withLock({ Array($0.values) }) { answer.fail(code) }
    }

    /// Answers all and returns when no thread is within an answer any more. No new ones may come.
    func drain(_ code: Int32) {
        failAll(code)
        // Another thread may be between winning an answer and having sent it: a matter of microseconds.
        while count > 0 { usleep(200) }
    }
}
