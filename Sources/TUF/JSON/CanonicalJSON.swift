/// JSON in the one spelling that signatures are made over: OLPC's canonical JSON.
///
/// No white space, names in the order of their bytes, and in texts only `"` and `\` escaped: a line feed stands as it is.
package enum CanonicalJSON {
    /// The bytes of a value.
    package static func encode(_ value: JSONValue) -> [UInt8] {
        var output: [UInt8] = []
        append(value, to: &output)
        return output
    }

    private static func append(_ value: JSONValue, to output: inout [UInt8]) {
        switch value {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let value): output += String(value).utf8
        case .string(let value): append(value, to: &output)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (position, value) in values.enumerated() {
                if position > 0 { output.append(UInt8(ascii: ",")) }
                append(value, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let table):
            output.append(UInt8(ascii: "{"))
            for (position, entry) in table.entries.enumerated() {
                if position > 0 { output.append(UInt8(ascii: ",")) }
                append(entry.name, to: &output)
                output.append(UInt8(ascii: ":"))
                append(entry.value, to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { output.append(UInt8(ascii: "\\")) }
            output.append(byte)
        }
        output.append(UInt8(ascii: "\""))
    }
}
