import Glibc
import Linux

/// One direction of one connection.
// Not Sendable: the proxy's thread alone has it.
final class ProxyStream {
    enum Piece {
        case bytes([UInt8])
        /// The sender has nothing more, or is gone.
        case end
        case nothing
    }

    /// Of its connection.
    let number: UInt64
    private let source: FileHandle
    private let sink: FileHandle
    /// Waits for its turn on the line.
    var isQueued = false
    /// The source may have something: an edge-triggered poll says so once.
    private(set) var isReadable = false
    private var hasEnded = false
    private var endsInError = false
    /// Bytes that may still arrive before the connection breaks; nil for any number.
    var allowance: Int?
    /// What arrived and the receiver has not taken.
    private var unsent: [UInt8] = []
    private var sent = 0
    private var endArrived = false
    /// All is through, the end too; or the receiver is gone.
    private(set) var isDone = false
    private(set) var isBroken = false

    init(number: UInt64, from source: FileHandle, to sink: FileHandle) {
        self.number = number
        self.source = source
        self.sink = sink
    }

    /// A receiver that takes nothing holds its sender back, as a full window does.
    var wantsTurn: Bool { isReadable && !hasEnded && !isBroken && unsent.isEmpty }

    func becameReadable() { isReadable = true }

    func read(atMost count: Int) -> Piece {
        guard wantsTurn else { return .nothing }
        var received = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            received = recv(source.descriptor, buffer.baseAddress, count, Int32(MSG_DONTWAIT))
            initialized = max(0, received)
        }
        if received > 0 { return .bytes(bytes) }
        if received < 0 && (errno == EAGAIN || errno == EINTR) {
            isReadable = errno == EINTR
            return .nothing
        }
        hasEnded = true
        endsInError = received < 0
        return .end
    }

    /// Bytes have come to the receiver's side; nil means the end.
    func arrived(_ bytes: [UInt8]?) {
        guard !isBroken else { return }
        guard let bytes else {
            endArrived = true
            isBroken = endsInError
            return send()
        }
        let wanted = min(bytes.count, allowance ?? bytes.count)
        if unsent.isEmpty {
            (unsent, sent) = (wanted == bytes.count ? bytes : Array(bytes.prefix(wanted)), 0)
        } else {
            unsent += bytes.prefix(wanted)
        }
        send()
        if let left = allowance {
            allowance = left - wanted
            if left == wanted { isBroken = true }
        }
    }

    /// Gives the receiver what it takes now.
    func send() {
        while sent < unsent.count {
            let count = unsent.withUnsafeBytes { buffer in
                Glibc.send(
                    sink.descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent,
                    Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                isBroken = true
                isDone = true
                return
            }
        }
        unsent = []
        sent = 0
        if endArrived && !isDone {
            isDone = true
            shutdown(sink.descriptor, Int32(SHUT_WR))
        }
    }
}
