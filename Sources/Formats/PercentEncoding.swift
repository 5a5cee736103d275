/// Bytes of a text as `%XX`, as in URLs and in file names made from names.
package enum PercentEncoding {
    /// The ASCII characters that stay as they are.
    package struct Kept: Sendable {
        private var bits: (low: UInt64, high: UInt64) = (0, 0)

        /// - Parameter characters: of ASCII; others are encoded always.
        package init(_ characters: String) {
            for byte in characters.utf8 {
                if byte < 64 { bits.low |= 1 << UInt64(byte) }
                if (64..<128).contains(byte) { bits.high |= 1 << UInt64(byte - 64) }
            }
        }

        package func contains(_ byte: UInt8) -> Bool {
            switch byte {
            case ..<64: bits.low >> UInt64(byte) & 1 == 1
            case ..<128: bits.high >> UInt64(byte - 64) & 1 == 1
            default: false
            }
        }

        package static func + (left: Kept, right: String) -> Kept {
            var both = Kept(right)
            both.bits = (both.bits.low | left.bits.low, both.bits.high | left.bits.high)
            return both
        }

        /// Letters and digits.
        package static let alphanumeric = Kept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        /// What never needs to be encoded (RFC 3986, section 2.3): letters, digits and `-._~`.
        package static let unreserved = alphanumeric + "-._~"
        /// What a URL's path may hold as it is, escapes among it.
        package static let urlPath = unreserved + "!$&'()*+,;=:@%/"
    }

    package enum DigitCase: Sendable { case upper, lower }

    /// - Parameter digits: RFC 3986 wants upper case.
    package static func encode(_ text: String, keeping kept: Kept, digits: DigitCase = .upper) -> String {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if kept.contains(byte) {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                let pair = Hexadecimal.string(of: CollectionOfOne(byte))
                encoded += (digits == .upper ? pair.uppercased() : pair).utf8
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// A name as one path component: everything but letters, digits and `-._~` is encoded, the slash too.
    package static func fileName(of name: String) -> String { encode(name, keeping: .unreserved) }

    /// A path for a URL, where `%` and `/` stay as they are and what no URL may have is encoded.
    package static func urlPath(of path: String) -> String { encode(path, keeping: .urlPath) }

    /// A byte as `%XX`.
    package static func escape(_ byte: UInt8) -> String {
        "%" + Hexadecimal.string(of: CollectionOfOne(byte)).uppercased()
    }

    /// The bytes that a text stands for; nil where `%` is not followed by two digits.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(Hexadecimal.value), let low = rest.next().flatMap(Hexadecimal.value)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// As ``decode(_:)``; nil also where the bytes are not UTF-8.
    package static func decodeText(_ text: String) -> String? {
        decode(text.utf8).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
