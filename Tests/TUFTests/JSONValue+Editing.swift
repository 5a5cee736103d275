import TUF

extension JSONValue {
    /// A member of an object.
    subscript(_ name: String) -> JSONValue? { object?[name] }

    /// Sets a member of an object; nil removes it.
    mutating func set(_ name: String, _ value: JSONValue?) {
        var table = object ?? NameTable()
        table[name] = value
        self = .object(table)
    }

    /// Sets a member of a member.
    mutating func set(_ name: String, _ inner: String, _ value: JSONValue?) {
        var member = self[name] ?? .object(NameTable())
        member.set(inner, value)
        set(name, member)
    }

    /// Sets a member of a member of a member.
    mutating func set(_ name: String, _ inner: String, _ innermost: String, _ value: JSONValue?) {
        var member = self[name] ?? .object(NameTable())
        member.set(inner, innermost, value)
        set(name, member)
    }

    /// Counts `version` up.
    mutating func bump(by count: Int = 1) { set("version", .integer((self["version"]?.integer ?? 0) + count)) }
}
