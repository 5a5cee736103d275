/// Plain ASCII decimal numbers, without the signs and spaces that `Int(_:)` forgives.
package enum DecimalDigits {
    package static let range = UInt8(ascii: "0")...UInt8(ascii: "9")

    /// The number, or nil when there is no digit, anything else, or more than nine digits.
    package static func value(_ bytes: some Collection<UInt8>) -> Int? {
        guard (1...9).contains(bytes.count), bytes.allSatisfy(range.contains) else { return nil }
        return bytes.reduce(0) { $0 * 10 + Int($1 - range.lowerBound) }
    }

    /// The number with zeros before it, at least so many digits.
    package static func padded(_ number: some BinaryInteger, width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
