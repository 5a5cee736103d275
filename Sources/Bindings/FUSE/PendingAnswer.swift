import CFUSE
import Glibc
import Synchronization

/// libfuse's handle of one request, and who may use it: only the one who turns `given` to true.
// @unchecked: the handle is used only by the thread that won `given`; libfuse's replies may come from any thread.
final class PendingAnswer: @unchecked Sendable {
    private let request: fuse_req_t
    private let outstanding: OutstandingAnswers
    private let given = Atomic(false)

    /// Registers the request with the session and with libfuse's interrupts.
    init(request: fuse_req_t, outstanding: OutstandingAnswers) {
        self.request = request
        self.outstanding = outstanding
        outstanding.add(self)
    }

    /// Answers EINTR as soon as the kernel says that the reader was killed. Call once, before anybody else has the request.
    func answerWhenInterrupted() {
        // libfuse holds one reference, given back by whoever answers. It runs the function at once if it is too late already.
        let reference = Unmanaged.passRetained(self).toOpaque()
        fuse_req_interrupt_func(
            request,
            { @Sendable _, reference in
                guard let reference else { return }
                Unmanaged<PendingAnswer>.fromOpaque(reference).takeUnretainedValue().interrupted()
            }, reference)
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
        // Takes the request's lock, so it returns only when no interrupt is on its way with our reference.
        fuse_req_interrupt_func(request, nil, nil)
        // An error means that the reader or the mount is gone: nobody is left to tell.
        _ = send()
        outstanding.remove(self)
        Unmanaged.passUnretained(self).release()
    }

    /// Runs with the request's lock held, so libfuse keeps the request alive and ``give(_:)`` must not be used.
    private func interrupted() {
        guard !given.exchange(true, ordering: .acquiringAndReleasing) else { return }
        _ = fuse_reply_err(request, EINTR)
        outstanding.remove(self)
        Unmanaged.passUnretained(self).release()
    }
}
