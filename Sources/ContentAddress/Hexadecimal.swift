/// Bytes as lower-case hexadecimal digits, and a digit's value.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    package static func string(of bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { output in
            for (position, byte) in bytes.enumerated() {
                output[2 * position] = digits[Int(byte >> 4)]
                output[2 * position + 1] = digits[Int(byte & 15)]
            }
            return 2 * bytes.count
        }
    }

    static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
