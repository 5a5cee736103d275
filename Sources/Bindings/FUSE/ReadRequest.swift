import Glibc

/// One read that somebody waits for. It is answered exactly once: by the first of ``reply(_:)``, ``fail(_:)``, the reader's
/// death (EINTR), the end of the session, and, when nobody answered and nobody holds it any more, EIO.
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
    package func fail(_ code: Int32) {
        answer.fail(code)
    }
}
