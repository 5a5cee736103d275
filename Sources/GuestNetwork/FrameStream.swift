import Glibc
import Linux

/// The connection to one QEMU: frames in, frames out. Belongs to the network's thread. Never blocks.
final class FrameStream {
    /// Frames for a guest that does not read (paused, say) are dropped beyond this; TCP sends them again.
    static let outputLimit = 4 << 20

    private let handle: FileHandle
    private var decoder = FrameDecoder()
    private var output: [UInt8] = []
    private var sent = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    /// - Parameter handle: a non-blocking stream socket.
    init(handle: FileHandle) {
        self.handle = handle
    }

    deinit { buffer.deallocate() }

    var descriptor: Int32 { handle.descriptor }
    var wantsToWrite: Bool { sent < output.count }

    /// Reads once and gives every frame that is whole now to `body`.
    /// - Returns: false when the peer is gone or sends nonsense: close the connection.
    func read(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        if count == 0 { return false }
        decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        do {
            while try decoder.next(body) {}
            return true
        } catch {
            return false
        }
    }

    /// Queues a frame for the guest, or drops it.
    func write(_ frame: UnsafeRawBufferPointer) {
        guard output.count - sent + frame.count + 4 <= Self.outputLimit else { return }
        if sent > Self.outputLimit / 4 {
            output.removeFirst(sent)
            sent = 0
        }
        withUnsafeBytes(of: UInt32(frame.count).bigEndian) { output.append(contentsOf: $0) }
        output.append(contentsOf: frame)
    }

    /// Sends what the socket takes.
    /// - Returns: false when the peer is gone.
    func flush() -> Bool {
        while sent < output.count {
            let count = output.withUnsafeBytes { bytes in
                send(descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            sent += count
        }
        output.removeAll(keepingCapacity: true)
        sent = 0
        return true
    }
}
