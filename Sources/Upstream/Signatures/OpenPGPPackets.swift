import ContentAddress
import Formats

/// The packets of an OpenPGP file (RFC 9580 section 4), as far as they must be told apart before a verifier reads them.
package enum OpenPGPPackets {
    struct Packet {
        let tag: UInt8
        /// The packet with its header.
        let whole: Range<Int>
        let body: Range<Int>
    }

    private static let signature: UInt8 = 2
    private static let primaryKey: UInt8 = 6
    /// What belongs to a key: signatures, user ids, user attributes, subkeys.
    private static let partsOfKey: Set<UInt8> = [2, 13, 14, 17]
    private static let mostPackets = 20_000
    private static let mostSignatures = 16

    /// The packets of a binary or armoured file.
    /// - Parameter label: of the armour: `PGP PUBLIC KEY BLOCK`.
    /// - Throws: ``SignatureError/malformed(_:)``.
    package static func binary(_ bytes: [UInt8], label: String) throws(SignatureError) -> [UInt8] {
        // The first byte of a packet has its highest bit set; armour is ASCII.
        if let first = bytes.first, first & 0x80 != 0, first != 0xEF { return bytes }
        return try Armour.decoded(bytes, label: label)
    }

    /// - Throws: ``SignatureError/malformed(_:)``.
    static func packets(_ bytes: [UInt8]) throws(SignatureError) -> [Packet] {
        var packets: [Packet] = []
        var position = 0
        while position < bytes.count {
            guard packets.count < mostPackets, let packet = packet(bytes, at: position) else {
                throw .malformed("the file is not OpenPGP, or is cut off")
            }
            packets.append(packet)
            position = packet.whole.upperBound
        }
        return packets
    }

    private static func packet(_ bytes: [UInt8], at start: Int) -> Packet? {
        let header = bytes[start]
        guard header & 0x80 != 0 else { return nil }
        let isNew = header & 0x40 != 0
        let tag = isNew ? header & 0x3F : header >> 2 & 0x0F
        var position = start + 1
        /// - Returns: a big-endian number of so many bytes.
        func number(_ count: Int) -> Int? {
            guard bytes.count - position >= count else { return nil }
            let value = bytes[position..<(position + count)].reduce(0) { $0 << 8 | Int($1) }
            position += count
            return value
        }
        var length: Int?
        if isNew {
            guard let first = number(1) else { return nil }
            switch first {
            case ..<192: length = first
            case ..<224: length = number(1).map { (first - 192) << 8 + $0 + 192 }
            case 255: length = number(4)
            // Of partial length are only texts, which neither keys nor signatures are.
            default: return nil
            }
        } else {
            switch header & 3 {
            case 0: length = number(1)
            case 1: length = number(2)
            case 2: length = number(4)
            default: return nil
            }
        }
        guard let length, bytes.count - position >= length else { return nil }
        return Packet(tag: tag, whole: start..<(position + length), body: position..<(position + length))
    }

    /// Checks that a file has signatures and nothing else: a message with its text inside would be verified instead of the file that was meant.
    /// - Throws: ``SignatureError/malformed(_:)``.
    package static func checkSignatures(_ bytes: [UInt8]) throws(SignatureError) {
        let packets = try packets(bytes)
        guard !packets.isEmpty, packets.allSatisfy({ $0.tag == signature }) else {
            throw .malformed("the file has something else than detached signatures in it")
        }
        guard packets.count <= mostSignatures else {
            throw .malformed("the file has more than \(mostSignatures) signatures")
        }
    }

    /// The packets of one key of a file, and of no other.
    /// - Parameter fingerprint: of the primary key, upper case.
    /// - Returns: nil when the file does not have it.
    /// - Throws: ``SignatureError/malformed(_:)``.
    package static func key(_ fingerprint: String, in bytes: [UInt8]) throws(SignatureError) -> [UInt8]? {
        var found: [UInt8] = []
        var isWanted = false
        for packet in try packets(bytes) {
            if packet.tag == primaryKey {
                isWanted = self.fingerprint(bytes[packet.body]) == fingerprint
            } else if !partsOfKey.contains(packet.tag) {
                // Trust packets and the like are passed over; another key, such as a secret one, ends this one.
                if packet.tag == 5 || packet.tag == 7 { isWanted = false }
                continue
            }
            if isWanted { found += bytes[packet.whole] }
        }
        return found.isEmpty ? nil : found
    }

    /// A public key packet's fingerprint (RFC 9580 section 5.5.4); nil for versions that are no longer made, or are not known.
    private static func fingerprint(_ body: ArraySlice<UInt8>) -> String? {
        let count = body.count
        let length = [UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
        switch body.first {
        case 4 where count <= 0xFFFF:
            let hashed = [0x99] + length + body
            return hashed.withUnsafeBytes { DigestAlgorithm.sha1.blockID(of: $0).sha1 }.uppercased()
        case 6:
            let high = [UInt8(truncatingIfNeeded: count >> 24), UInt8(truncatingIfNeeded: count >> 16)]
            return FileDigest.sha256(of: [0x9B] + high + length + body).hex.uppercased()
        default: return nil
        }
    }
}

/// OpenPGP's ASCII armour (RFC 9580 section 6).
enum Armour {
    /// The bytes of all blocks with a label, one after another. Text around them is passed over.
    ///
    /// The checksum at a block's end is passed over, too, as the RFC wants it (6.1): signatures say more.
    /// - Throws: ``SignatureError/malformed(_:)`` when there is none, or one is not whole.
    static func decoded(_ bytes: [UInt8], label: String) throws(SignatureError) -> [UInt8] {
        var decoded: [UInt8] = []
        var block: String?
        var isHeader = false
        for line in TextLines(bytes) {
            if block == nil {
                if line == "-----BEGIN \(label)-----" { (block, isHeader) = ("", true) }
            } else if line == "-----END \(label)-----" {
                guard let text = block, let bytes = Base64.bytes(text), !bytes.isEmpty else {
                    throw .malformed("the armoured text is damaged")
                }
                decoded += bytes
                block = nil
            } else if isHeader, line.isEmpty || line.contains(": ") {
                isHeader = !line.isEmpty
            } else if !line.hasPrefix("=") {
                isHeader = false
                block?.append(contentsOf: line)
            }
        }
        guard block == nil, !decoded.isEmpty else { throw .malformed("the file is not OpenPGP, or is cut off") }
        return decoded
    }
}

/// The lines of a text without spaces, tabs and returns at their ends.
struct TextLines: Sequence {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func makeIterator() -> AnyIterator<String> {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).makeIterator()
        return AnyIterator { lines.next().map { String(decoding: TextLines.trimmed($0), as: UTF8.self) } }
    }

    /// Without spaces, tabs and returns at the end.
    static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let end = line.lastIndex { ![0x20, 0x09, 0x0D].contains($0) }.map { $0 + 1 } ?? line.startIndex
        return line[..<end]
    }
}
