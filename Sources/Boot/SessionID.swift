/// A session's name: short, because a unix socket's path has 108 bytes.
package enum SessionID {
    private static let digits = Array("0123456789abcdefghijkmnpqrstuvwxyz")

    /// Eight random letters and digits.
    package static func random() -> String {
        String((0..<8).map { _ in digits[Int.random(in: 0..<digits.count)] })
    }

    /// Whether the text can be a session's id: keeps user input out of paths.
    package static func isValid(_ text: String) -> Bool {
        (1...12).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }
}
