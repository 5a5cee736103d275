import CLinux
import Glibc

/// One end of a pair of sockets for messages between two processes: each is received whole, and may bring a descriptor.
package final class MessageSocket: Sendable {
    /// The most bytes of a message.
    package static let messageLimit = 16_384

    /// What one receive brought.
    package enum Received: Sendable {
        case message([UInt8], FileHandle?)
        case nothingYet
        /// The other end is closed.
        case end
    }

    private let handle: FileHandle

    /// For poll; readable when a message waits.
    package var descriptor: Int32 { handle.descriptor }

    /// - Parameter handle: a socket of type SOCK_SEQPACKET.
    package init(_ handle: FileHandle) { self.handle = handle }

    /// Both ends, close-on-exec.
    /// - Throws: ``SystemCallError`` of `socketpair`.
    package static func pair() throws(SystemCallError) -> (MessageSocket, MessageSocket) {
        var ends: [Int32] = [-1, -1]
        try systemCall("socketpair") {
            socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        }
        return (MessageSocket(FileHandle(owning: ends[0])), MessageSocket(FileHandle(owning: ends[1])))
    }

    /// Sends a message without waiting. The other side gets a descriptor of its own for `descriptor`'s file.
    /// - Returns: false when there is no room, or nobody receives any more.
    @discardableResult
    package func send(_ bytes: [UInt8], descriptor: Int32? = nil) -> Bool {
        while true {
            let count = osc_send_descriptor(handle.descriptor, bytes, bytes.count, descriptor ?? -1)
            if count >= 0 || errno != EINTR { return count == bytes.count }
        }
    }

    /// The next message; what is longer than ``messageLimit`` is cut.
    /// - Parameter wait: holds the calling thread until one comes.
    package func receive(wait: Bool = false) -> Received {
        var bytes = [UInt8](repeating: 0, count: Self.messageLimit)
        var descriptor: Int32 = -1
        while true {
            let flags = wait ? 0 : Int32(MSG_DONTWAIT)
            let count = osc_receive_descriptor(handle.descriptor, &bytes, bytes.count, flags, &descriptor)
            // Closed with a message that is none.
            let file = descriptor >= 0 ? FileHandle(owning: descriptor) : nil
            if count > 0 {
                return .message(Array(bytes[..<count]), file)
            }
            if count < 0 && errno == EINTR { continue }
            return count < 0 && errno == EAGAIN ? .nothingYet : .end
        }
    }
}

/// Frames and other pieces on a stream socket of the unix family that must be taken whole.
extension FileHandle {
    /// Sends pieces of `bytes`, none longer than 16 KiB, each whole or not at all, however this process ends.
    /// - Parameters:
    ///   - start: where the first piece begins.
    ///   - ends: where each piece ends.
    /// - Returns: how many were taken; fewer when the socket has no room now.
    /// - Throws: ``SystemCallError`` of `sendmmsg`; EPROTO when a piece was cut after all.
    package func sendPieces(
        of bytes: UnsafeRawBufferPointer, from start: Int, endingAt ends: ArraySlice<Int>
    ) throws(SystemCallError) -> Int {
        while true {
            let count = ends.withUnsafeBufferPointer {
                osc_send_pieces(descriptor, bytes.baseAddress, start, $0.baseAddress, Int32(clamping: $0.count))
            }
            if count >= 0 { return Int(count) }
            if count == -2 { throw SystemCallError(code: EPROTO, call: "sendmmsg") }
            if errno == EAGAIN { return 0 }
            if errno != EINTR { throw SystemCallError.last("sendmmsg") }
        }
    }

    /// Reads from a socket without waiting, and leaves what was read there if `peek` is true.
    /// - Throws: ``SystemCallError`` of `recv`.
    package func receive(
        into buffer: UnsafeMutableRawBufferPointer, peek: Bool
    ) throws(SystemCallError) -> Received {
        let flags = Int32(MSG_DONTWAIT) | (peek ? Int32(MSG_PEEK) : 0)
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, flags)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EAGAIN { return .nothingYet }
            if errno != EINTR { throw SystemCallError.last("recv") }
        }
    }

    /// Ends a connection for everybody who holds it.
    package func shutDown() { FileHandle.shutDown(descriptor) }

    /// As ``shutDown()``, for a connection that a library holds.
    package static func shutDown(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
}
