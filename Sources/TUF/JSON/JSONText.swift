import Formats

/// JSON as files have it: canonical order, but every text readable by any JSON parser.
package enum JSONText {
    /// The bytes of a value: members in canonical order, one space of indentation a level, a line feed at the end.
    package static func encode(_ value: JSONValue) -> [UInt8] {
        var output: [UInt8] = []
        append(value, indentation: 0, to: &output)
        output.append(UInt8(ascii: "\n"))
        return output
    }

    private static func append(_ value: JSONValue, indentation: Int, to output: inout [UInt8]) {
        switch value {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let value): output += String(value).utf8
        case .string(let value): append(value, to: &output)
        case .array(let values) where values.isEmpty: output += "[]".utf8
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (position, value) in values.enumerated() {
                if position > 0 { output.append(UInt8(ascii: ",")) }
                newLine(indentation + 1, in: &output)
                append(value, indentation: indentation + 1, to: &output)
            }
            newLine(indentation, in: &output)
            output.append(UInt8(ascii: "]"))
        case .object(let table) where table.entries.isEmpty: output += "{}".utf8
        case .object(let table):
            output.append(UInt8(ascii: "{"))
            for (position, entry) in table.entries.enumerated() {
                if position > 0 { output.append(UInt8(ascii: ",")) }
                newLine(indentation + 1, in: &output)
                append(entry.name, to: &output)
                output += ": ".utf8
                append(entry.value, indentation: indentation + 1, to: &output)
            }
            newLine(indentation, in: &output)
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func newLine(_ indentation: Int, in output: inout [UInt8]) {
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation))
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20:
                output += "\\u00".utf8
                output += Hexadecimal.string(of: CollectionOfOne(byte)).utf8
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
