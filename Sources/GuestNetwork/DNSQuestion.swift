/// What may go to the host's resolver: questions for names, well formed, and nothing else that a service there could take for something.
enum DNSQuestion {
    /// Whether the bytes are one question (RFC 1035, section 4), whole and with nothing behind it but EDNS (RFC 6891).
    static func isWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 12 + 1 + 4 else { return false }
        // A standard query; only "recursion desired" and DNSSEC's two flags may be set.
        guard bytes.uint16(2) & 0xFECF == 0 else { return false }
        guard bytes.uint16(4) == 1, bytes.uint16(6) == 0, bytes.uint16(8) == 0, bytes.uint16(10) <= 1 else {
            return false
        }
        guard var end = endOfName(bytes, from: 12), bytes.count >= end + 4 else { return false }
        // Neither of the two that ask for a whole zone; class IN.
        guard ![251, 252].contains(bytes.uint16(end)), bytes.uint16(end + 2) == 1 else { return false }
        end += 4
        if bytes.uint16(10) == 1 {
            // OPT: the root's name, type 41, the sender's size, flags, the options' length.
            guard bytes.count >= end + 11, bytes[end] == 0, bytes.uint16(end + 1) == 41 else { return false }
            end += 11 + Int(bytes.uint16(end + 9))
        }
        return end == bytes.count
    }

    /// Labels of printable characters without spaces, 255 bytes at most, no pointers.
    private static func endOfName(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var place = start
        while place < bytes.count, place - start < 255 {
            let length = Int(bytes[place])
            if length == 0 { return place + 1 }
            guard length <= 63, place + 1 + length <= bytes.count else { return nil }
            guard bytes[place + 1..<place + 1 + length].allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
            place += 1 + length
        }
        return nil
    }

    /// Whether the bytes are whole questions as TCP carries them, each behind two bytes of length.
    static func areWellFormed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while rest.count > 2 {
            let length = Int(rest.uint16(0))
            guard rest.count >= 2 + length else { return false }
            guard isWellFormed(UnsafeRawBufferPointer(rebasing: rest[2..<2 + length])) else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[(2 + length)...])
        }
        return rest.isEmpty
    }
}

/// The guest's TCP connections to the resolver: each segment with data is whole questions, and follows the one before it, so that what
/// libslirp puts together of them is questions, too. (Resolvers' clients write a question at once.)
struct DNSConnections: Sendable {
    private struct Connection {
        let port: UInt16
        /// Where the next question begins, and where the last one did.
        var next: UInt32
        var last: UInt32
    }

    /// More are never open at once; the oldest makes room.
    static let limit = 64

    private var connections: [Connection] = []

    /// Whether a segment of the guest may go on.
    mutating func allows(from port: UInt16, _ flags: Packet.Flags, sequence: UInt32, _ data: UnsafeRawBufferPointer)
        -> Bool
    {
        if flags.synchronise {
            guard data.isEmpty else { return false }
            connections.removeAll { $0.port == port }
            if connections.count == Self.limit { connections.removeFirst() }
            connections.append(Connection(port: port, next: sequence &+ 1, last: sequence &+ 1))
            return true
        }
        if data.isEmpty { return true }
        guard let index = connections.firstIndex(where: { $0.port == port }), DNSQuestion.areWellFormed(data) else {
            return false
        }
        let end = sequence &+ UInt32(data.count)
        if sequence == connections[index].next {
            connections[index].last = sequence
            connections[index].next = end
            return true
        }
        // Sent again.
        return sequence == connections[index].last && end == connections[index].next
    }
}
