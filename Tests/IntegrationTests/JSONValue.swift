import FoundationEssentials

/// Any JSON value, to look at what a program printed without the program's own types.
enum JSONValue: Decodable, Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Reads one object; more than one is an error.
    static func object(_ text: String) throws -> [String: JSONValue] {
        try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
    }

    var integer: Int? {
        if case .number(let value) = self { Int(exactly: value) } else { nil }
    }

    var string: String? {
        if case .text(let value) = self { value } else { nil }
    }

    var array: [JSONValue] {
        if case .list(let values) = self { values } else { [] }
    }

    subscript(key: String) -> JSONValue? {
        if case .object(let values) = self { values[key] } else { nil }
    }

    /// An object's keys; empty for anything else.
    var keys: Set<String> {
        if case .object(let values) = self { Set(values.keys) } else { [] }
    }
}
