import Glibc
import Linux

/// Gives the bytes of the one file that a ``FUSEMount`` serves.
package protocol FileReader: Sendable {
    /// Answers a read by `reply`, before this returns, when no network is needed for it: such a read needs no entry among those
    /// that wait, whose lock all readers share. Otherwise it has begun, and goes on with what this returns.
    ///
    /// Called on one of the mount's threads. It may read a local file there; it must not wait for a network.
    /// The read lies within the file and is never empty. A reply has exactly `size` bytes.
    /// - Returns: nil when `reply` was called. Else what is called once, on the same thread and under the same rules, with the
    ///   request to answer now or later, from any thread; or not at all when the mount has ended.
    func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer?
}

/// The rest of a read that could not be answered at once.
package typealias LateAnswer = (ReadRequest) -> Void

/// One read that somebody waits for. It is answered exactly once: by the first of ``reply(_:)``, ``fail(_:)``, the reader's
/// death (EINTR), the end of the mount, and, when nobody answered and nobody holds it any more, EIO.
package final class ReadRequest: Sendable {
    /// First byte within the file.
    package let offset: UInt64
    /// Bytes wanted; all of them lie within the file.
    package let size: Int
    private let answer: PendingAnswer

    init(offset: UInt64, size: Int, answer: PendingAnswer) {
        self.offset = offset
        self.size = size
        self.answer = answer
    }

    deinit { answer.fail(EIO) }

    /// Whether somebody still waits. A reader may skip work when not.
    package var isAnswered: Bool { answer.isGiven }

    /// Sends the bytes; they may be freed when this returns. Does nothing when the request has been answered.
    package func reply(_ bytes: UnsafeRawBufferPointer) {
        answer.reply(bytes)
    }

    /// Sends an error number. Does nothing when the request has been answered.
    package func fail(_ number: ErrorNumber) {
        answer.fail(number.rawValue)
    }
}
