/// An object whose members are read with the path in the error.
struct FieldReader {
    let table: NameTable<JSONValue>
    private let path: String

    init(_ value: JSONValue?, _ path: String) throws(MetadataFault) {
        guard let table = value?.object else { throw .field(path) }
        self.table = table
        self.path = path
    }

    /// The path of a member, for an error.
    func path(_ name: String) -> String { "\(path).\(name)" }

    func string(_ name: String) throws(MetadataFault) -> String {
        guard let value = table[name]?.string else { throw .field(path(name)) }
        return value
    }

    func bool(_ name: String) throws(MetadataFault) -> Bool {
        guard let value = table[name]?.bool else { throw .field(path(name)) }
        return value
    }

    func integer(_ name: String, atLeast minimum: Int) throws(MetadataFault) -> Int {
        guard let value = table[name]?.integer, value >= minimum else { throw .field(path(name)) }
        return value
    }

    /// The member `version`: small enough to be counted on, and to be the same number in every reader of JSON.
    func version() throws(MetadataFault) -> Int {
        let version = try integer("version", atLeast: 1)
        guard version < FieldReader.firstInexact else { throw .field(path("version")) }
        return version
    }

    /// 2^53: from here on a reader that keeps numbers as doubles takes one for its neighbour.
    private static let firstInexact = 1 << 53

    func object(_ name: String) throws(MetadataFault) -> FieldReader { try FieldReader(table[name], path(name)) }

    func array(_ name: String, atMost limit: Int = .max) throws(MetadataFault) -> [JSONValue] {
        guard let value = table[name]?.array else { throw .field(path(name)) }
        guard value.count <= limit else { throw .tooMany(path(name), limit: limit) }
        return value
    }

    func strings(_ name: String, atMost limit: Int = .max) throws(MetadataFault) -> [String] {
        var strings: [String] = []
        for value in try array(name, atMost: limit) {
            guard let text = value.string else { throw .field(path(name)) }
            strings.append(text)
        }
        return strings
    }

    func time(_ name: String) throws(MetadataFault) -> UTCTime {
        guard let time = UTCTime(try string(name)) else { throw .field(path(name)) }
        return time
    }
}
