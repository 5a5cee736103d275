import Collections

/// One direction of the line: a rate that all connections share, and a delay.
///
/// Streams that have something take turns, so that one connection cannot starve another and no queue grows in front of the
/// line: what the line cannot take yet stays with its sender.
struct ProxyLink {
    /// Bytes on their way.
    private struct Parcel {
        let stream: ProxyStream
        /// Nil: the stream's end.
        let bytes: [UInt8]?
        let due: UInt64
    }

    /// The line is booked at most so far ahead, beyond the piece that was read last.
    private static let ahead: UInt64 = 500_000
    /// A thread that wakes up late makes good for it, up to here.
    private static let lateness: UInt64 = 200_000_000

    private var turns: Deque<ProxyStream> = []
    private var parcels: Deque<Parcel> = []
    /// When the last booked byte has left.
    private var freeAt: UInt64 = 0
    private var lastDue: UInt64 = 0
    /// Whether somebody had more to send when the line was booked last.
    private var wasWanted = false

    /// Nanoseconds of the next moment at which something is to be done; nil when nothing is.
    var nextEvent: UInt64? {
        let booking = turns.isEmpty ? nil : freeAt - min(freeAt, ProxyLink.ahead)
        return [booking, parcels.first?.due].compactMap(\.self).min()
    }

    /// The stream has something to read.
    mutating func enqueue(_ stream: ProxyStream) {
        guard !stream.isQueued else { return }
        stream.isQueued = true
        turns.append(stream)
    }

    /// Takes from the senders what the line can carry now.
    mutating func book(_ shape: NetworkShape, now: UInt64) {
        let piece = shape.rate > 0 ? min(max(Int(shape.rate / 8 * 0.001), 1448), 65_536) : 65_536
        while shape.rate <= 0 || freeAt <= now + ProxyLink.ahead, let stream = turns.popFirst() {
            stream.isQueued = false
            switch stream.read(atMost: piece) {
            case .nothing: continue
            case .end: post(stream, nil, leaving: max(now, freeAt), shape)
            case .bytes(let bytes):
                // Who waited for the line gets all of it; time in which nobody wanted it is lost.
                let start = wasWanted ? max(freeAt, now - min(now, ProxyLink.lateness)) : max(freeAt, now)
                freeAt = start + (shape.rate > 0 ? UInt64(Double(bytes.count) * 8e9 / shape.rate) : 0)
                wasWanted = true
                post(stream, bytes, leaving: freeAt, shape)
                enqueue(stream)
            }
        }
        wasWanted = !turns.isEmpty
    }

    /// Hands out what has arrived.
    /// - Parameter each: told of each stream that got something, and how many bytes.
    mutating func deliver(now: UInt64, _ each: (ProxyStream, Int) -> Void) {
        while let parcel = parcels.first, parcel.due <= now {
            parcels.removeFirst()
            parcel.stream.arrived(parcel.bytes)
            each(parcel.stream, parcel.bytes?.count ?? 0)
        }
    }

    private mutating func post(_ stream: ProxyStream, _ bytes: [UInt8]?, leaving: UInt64, _ shape: NetworkShape) {
        // A delay that was made shorter overtakes nothing.
        lastDue = max(lastDue, leaving + shape.oneWay)
        parcels.append(Parcel(stream: stream, bytes: bytes, due: lastDue))
    }
}
