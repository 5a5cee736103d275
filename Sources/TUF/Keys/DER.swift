/// The little of ASN.1's DER that an encrypted private key is made of.
enum DER {
    static let integerTag: UInt8 = 0x02
    static let octetsTag: UInt8 = 0x04
    static let nullTag: UInt8 = 0x05
    static let objectTag: UInt8 = 0x06
    static let sequenceTag: UInt8 = 0x30

    /// One element.
    static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = contents.count
        while rest > 0 {
            length.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        }
        if contents.count < 128 { return [tag, UInt8(contents.count)] + contents }
        return [tag, 0x80 | UInt8(length.count)] + length + contents
    }

    static func sequence(_ elements: [UInt8]...) -> [UInt8] { element(sequenceTag, Array(elements.joined())) }

    /// A number that is not negative.
    static func integer(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        repeat {
            bytes.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        } while rest > 0
        return element(integerTag, (bytes.first ?? 0) < 0x80 ? bytes : [0] + bytes)
    }

    /// Elements one after the other.
    struct Reader {
        private var bytes: ArraySlice<UInt8>

        init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes)[...] }

        var isAtEnd: Bool { bytes.isEmpty }

        /// The tag of the next element.
        var nextTag: UInt8? { bytes.first }

        /// The contents of the next element; nil when it has another tag or is cut off.
        mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
            guard bytes.popFirst() == tag, let first = bytes.popFirst() else { return nil }
            var length = Int(first)
            if first >= 0x80 {
                let count = Int(first & 0x7f)
                guard (1...4).contains(count), bytes.count >= count else { return nil }
                length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
                bytes = bytes.dropFirst(count)
            }
            guard bytes.count >= length else { return nil }
            defer { bytes = bytes.dropFirst(length) }
            return bytes.prefix(length)
        }

        mutating func sequence() -> Reader? { next(sequenceTag).map { Reader($0) } }

        /// A number from 0 to 2^31.
        mutating func integer() -> Int? {
            guard let bytes = next(integerTag), (1...5).contains(bytes.count), bytes.first ?? 0xff < 0x80 else {
                return nil
            }
            return bytes.reduce(0) { $0 << 8 | Int($1) }
        }
    }
}
