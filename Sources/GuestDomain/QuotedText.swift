/// Text in double quotes, as the readers of YAML and of JSON take it, the small ones included.
enum QuotedText {
    /// Control characters become spaces.
    static func quoted(_ text: String) -> String { quote(text) { _ in " " } }

    /// Nothing is lost: for QEMU and qemu-img, which read JSON as it is written down.
    static func whole(_ text: String) -> String {
        quote(text) { character in
            let digits = String(character.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }

    private static func quote(_ text: String, control: (Unicode.Scalar) -> String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 32: result += control(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
