import CFUSE
import Glibc
import Linux
import Synchronization

/// The requests of a mount that have not been answered yet. libfuse's session must outlive every one of them.
final class OutstandingAnswers: Sendable {
    private let answers = Mutex<[ObjectIdentifier: PendingAnswer]>([:])
    /// Those whose readers were killed, on their way to the thread that answers them; nil when the mount has ended.
    private let interrupted = Monitor<[PendingAnswer]?>([])

    /// Starts the thread that answers interrupted requests. It ends with ``close(_:)``.
    /// - Throws: ``SystemCallError`` when no thread can be started.
    func start() throws(SystemCallError) {
        try WorkerThread.start(name: "osc-interrupts") { [interrupted] in
            while let answers = interrupted.wait({ OutstandingAnswers.next(&$0) }) ?? nil {
                for answer in answers { answer.fail(EINTR) }
            }
        }
    }

    fileprivate func add(_ answer: PendingAnswer) {
        answers.withLock { $0[ObjectIdentifier(answer)] = answer }
    }

    fileprivate func remove(_ answer: PendingAnswer) {
        _ = answers.withLock { $0.removeValue(forKey: ObjectIdentifier(answer)) }
    }

    /// Has an answer given by another thread than the one that calls.
    fileprivate func answerElsewhere(_ answer: PendingAnswer) {
        interrupted.change { $0?.append(answer) }
    }

    private var count: Int { answers.withLock { $0.count } }

    /// Answers all of them with an error number.
    func failAll(_ code: Int32) {
        for answer in answers.withLock({ Array($0.values) }) { answer.fail(code) }
    }

    /// Answers all and returns when no thread is within an answer any more. No new ones may come.
    func close(_ code: Int32) {
        failAll(code)
        // Another thread may be between winning an answer and having sent it: a matter of microseconds.
        while count > 0 { usleep(200) }
        interrupted.change { $0 = nil }
    }

    /// - Returns: what waits; empty when the mount has ended; nil to wait on.
    private static func next(_ waiting: inout [PendingAnswer]?) -> [PendingAnswer]?? {
        guard let answers = waiting else { return .some(nil) }
        if answers.isEmpty { return nil }
        waiting = []
        return .some(answers)
    }
}

/// libfuse's handle of one request. Only the thread that turns `given` to true may use it.
// @unchecked: the handle is used by `init` before anybody else has this object, and then only by the thread that won `given`;
// libfuse's replies may come from any thread.
final class PendingAnswer: @unchecked Sendable {
    private let request: fuse_req_t
    private let outstanding: OutstandingAnswers
    private let given = Atomic(false)
    private let isInterrupted = Atomic(false)
    /// Whether others than `init` may answer.
    private let isShared = Atomic(false)

    /// Registers the request with libfuse's interrupts and then with the mount. It is answered with EINTR as soon as the
    /// kernel says that its reader was killed.
    init(request: fuse_req_t, outstanding: OutstandingAnswers) {
        self.request = request
        self.outstanding = outstanding
        // libfuse holds one reference, which the answer gives back: it is taken before anybody can answer.
        let reference = Unmanaged.passRetained(self).toOpaque()
        // Runs the function at once when the reader was killed already, and unlocks the request after it.
        fuse_req_interrupt_func(
            request,
            { @Sendable _, reference in
                guard let reference else { return }
                Unmanaged<PendingAnswer>.fromOpaque(reference).takeUnretainedValue().interrupted()
            }, reference)
        outstanding.add(self)
        // From here on another thread may answer, and the request may be gone.
        isShared.store(true, ordering: .sequentiallyConsistent)
        if isInterrupted.load(ordering: .sequentiallyConsistent) { fail(EINTR) }
    }

    var isGiven: Bool { given.load(ordering: .acquiring) }

    func reply(_ bytes: UnsafeRawBufferPointer) {
        give { fuse_reply_buf(request, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) }
    }

    func fail(_ code: Int32) {
        give { fuse_reply_err(request, code) }
    }

    private func give(_ send: () -> Int32) {
        guard !given.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // Takes the request's lock, so it returns only when no interrupt is on its way with libfuse's reference.
        fuse_req_interrupt_func(request, nil, nil)
        // An error means that the reader or the mount is gone: nobody is left to tell.
        _ = send()
        outstanding.remove(self)
        Unmanaged.passUnretained(self).release()
    }

    /// Runs within libfuse, which holds the request's lock and touches the request afterwards: an answer here would free it
    /// under libfuse's hands. Before the request is shared, `init` sees the flag; later another thread answers.
    private func interrupted() {
        isInterrupted.store(true, ordering: .sequentiallyConsistent)
        if isShared.load(ordering: .sequentiallyConsistent) { outstanding.answerElsewhere(self) }
    }
}
