/// Bencode, which torrents are written in (BEP 3). Strict: one way to write a value, and keys in order.
indirect enum Bencode {
    case integer(Int64)
    case text(ArraySlice<UInt8>)
    case list([Bencode])
    /// Keys as they are written, in rising order of their bytes.
    case dictionary([(key: ArraySlice<UInt8>, value: Bencode)])

    private static let deepest = 16
    private static let mostValues = 100_000

    /// Reads one value that takes all of the bytes.
    /// - Throws: ``TorrentError``.
    init(_ bytes: [UInt8]) throws(TorrentError) {
        var reader = Reader(bytes: bytes[...])
        self = try reader.value(depth: 0)
        guard reader.bytes.isEmpty else { throw TorrentError(reason: "something stands behind its end") }
    }

    /// The value of a key; nil where there is none, or this is no dictionary.
    subscript(key: String) -> Bencode? {
        guard case .dictionary(let entries) = self else { return nil }
        return entries.first { $0.key.elementsEqual(key.utf8) }?.value
    }

    var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    var text: ArraySlice<UInt8>? {
        if case .text(let bytes) = self { bytes } else { nil }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>
        var count = 0

        mutating func value(depth: Int) throws(TorrentError) -> Bencode {
            count += 1
            guard depth <= Bencode.deepest, count <= Bencode.mostValues else {
                throw TorrentError(reason: "it is too deep or too long")
            }
            switch bytes.first {
            case UInt8(ascii: "i"):
                bytes.removeFirst()
                let number = try number(until: UInt8(ascii: "e"), mayBeNegative: true)
                return .integer(number)
            case UInt8(ascii: "l"):
                bytes.removeFirst()
                var values: [Bencode] = []
                while !ends() { values.append(try value(depth: depth + 1)) }
                return .list(values)
            case UInt8(ascii: "d"):
                bytes.removeFirst()
                var entries: [(key: ArraySlice<UInt8>, value: Bencode)] = []
                while !ends() {
                    let key = try text()
                    if let last = entries.last?.key, !last.lexicographicallyPrecedes(key) {
                        throw TorrentError(reason: "its keys are out of order, or one stands twice")
                    }
                    entries.append((key, try value(depth: depth + 1)))
                }
                return .dictionary(entries)
            default: return .text(try text())
            }
        }

        /// Takes the end of a list or dictionary.
        private mutating func ends() -> Bool {
            guard bytes.first == UInt8(ascii: "e") else { return false }
            bytes.removeFirst()
            return true
        }

        private mutating func text() throws(TorrentError) -> ArraySlice<UInt8> {
            let length = try number(until: UInt8(ascii: ":"), mayBeNegative: false)
            guard length <= bytes.count else { throw Bencode.cutOff }
            let text = bytes.prefix(Int(length))
            bytes.removeFirst(Int(length))
            return text
        }

        private mutating func number(until end: UInt8, mayBeNegative: Bool) throws(TorrentError) -> Int64 {
            let digits = bytes.prefix(21).prefix { $0 != end }
            guard bytes.dropFirst(digits.count).first == end else { throw Bencode.cutOff }
            let text = String(decoding: digits, as: UTF8.self)
            // The one way to write it: no sign but "-", no zeros in front, no "-0".
            guard let number = Int64(text), String(number) == text, mayBeNegative || number >= 0 else {
                throw TorrentError(reason: "it has a number that is none")
            }
            bytes.removeFirst(digits.count + 1)
            return number
        }
    }

    private static let cutOff = TorrentError(reason: "it is cut off, or no torrent")
}
