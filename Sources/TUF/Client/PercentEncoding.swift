/// Names as parts of URLs and as file names.
package enum PercentEncoding {
    /// A name as one path component: everything but letters, digits and `-._~` is encoded, the slash too.
    package static func fileName(of name: String) -> String { encode(name) { isUnreserved($0) } }

    /// A target's path for a URL. It is a URL path by definition, so `%` and `/` stay; what no URL may have is encoded.
    package static func urlPath(of path: String) -> String {
        encode(path) { isUnreserved($0) || "!$&'()*+,;=:@%/".utf8.contains($0) }
    }

    private static func encode(_ text: String, keeping isKept: (UInt8) -> Bool) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if isKept(byte) {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded += Hex.string(of: [byte]).uppercased().utf8
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }
}

extension PercentEncoding {
    /// The name that ``fileName(of:)`` encoded; nil for anything that it does not make.
    package static func decode(_ fileName: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(fileName.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
