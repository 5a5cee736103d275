/// A JSON value as signed metadata has them: no fractions, names and texts byte for byte.
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case string(String)
    case array([JSONValue])
    case object(NameTable<JSONValue>)

    /// The object, or nil.
    package var object: NameTable<JSONValue>? { if case .object(let value) = self { value } else { nil } }
    /// The array, or nil.
    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    /// The text, or nil.
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The number, or nil.
    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    /// The truth value, or nil.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
}

extension JSONValue {
    /// An object of a few members whose names the program wrote; of two equal names the later counts.
    package static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        var table = NameTable<JSONValue>()
        for (name, value) in members { table[name] = value }
        return .object(table)
    }
}
