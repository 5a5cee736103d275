import CTOML
import Glibc

/// A table of a TOML file, with all that is in it, as values of Swift.
///
/// TOMLKit's library is linked for the parser that it wraps, toml++, and that is called here without TOMLKit's own types: they bring all of Foundation
/// into every file that imports them, by their extensions of the standard library's types, and with it thirty megabytes of tables of languages.
package struct TOMLTable: Sendable, Hashable {
    private var values: [String: TOMLValue] = [:]
    /// In the order of their names.
    package private(set) var keys: [String] = []

    package init() {}

    /// Reads a file's text.
    ///
    /// The parser ends the process on some texts that are not TOML: `TOMLHeaders` must have seen the text before.
    /// - Throws: ``TOMLFault``.
    package init(string text: String) throws(TOMLFault) {
        let error = UnsafeMutablePointer<CTOMLParseError>.allocate(capacity: 1)
        defer { error.deallocate() }
        // Written by the parser where it gives nothing.
        guard let table = tableCreateFromString(text, error) else {
            defer { free(UnsafeMutablePointer(mutating: error.pointee.description)) }
            throw TOMLFault(error.pointee)
        }
        self.init(table)
        // The library cannot give back the empty table itself.
        tableClear(table)
    }

    package subscript(key: String) -> TOMLValue? { values[key] }

    private init(_ table: OpaquePointer) {
        let count = tableSize(table)
        let names = tableGetKeys(table)
        defer { free(UnsafeMutableRawPointer(mutating: names)) }
        for position in 0..<count {
            let key = String(cString: names[position])
            if let node = tableGetNode(table, names[position]), let value = TOMLValue(node) {
                values[key] = value
                keys.append(key)
            }
            free(UnsafeMutablePointer(mutating: names[position]))
        }
    }

    fileprivate static func read(_ table: OpaquePointer) -> TOMLTable { TOMLTable(table) }
}

/// What a key of a TOML file stands for, or an element of a list.
package enum TOMLValue: Sendable, Hashable {
    case text(String)
    case integer(Int)
    case flag(Bool)
    case list([TOMLValue])
    case table(TOMLTable)
    /// A number with a fraction, a day or a time: no file of ours has any.
    case other

    package var string: String? { if case .text(let text) = self { text } else { nil } }
    package var int: Int? { if case .integer(let number) = self { number } else { nil } }
    package var bool: Bool? { if case .flag(let flag) = self { flag } else { nil } }
    package var array: [TOMLValue]? { if case .list(let values) = self { values } else { nil } }
    package var table: TOMLTable? { if case .table(let table) = self { table } else { nil } }

    /// Each look into a node is a copy for the caller to free.
    fileprivate init?(_ node: OpaquePointer) {
        switch nodeType(node) {
        case .table:
            guard let table = nodeAsTable(node) else { return nil }
            self = .table(TOMLTable.read(table))
        case .array:
            guard let list = nodeAsArray(node) else { return nil }
            self = .list((0..<arraySize(list)).compactMap { TOMLValue(arrayGetNode(list, Int64($0))) })
        case .string:
            guard let text = nodeAsString(node) else { return nil }
            defer { free(UnsafeMutablePointer(mutating: text)) }
            self = .text(String(cString: text))
        case .integer:
            guard let number = nodeAsInt(node) else { return nil }
            defer { free(UnsafeMutablePointer(mutating: number)) }
            self = .integer(Int(number.pointee))
        case .boolean:
            guard let flag = nodeAsBool(node) else { return nil }
            defer { free(UnsafeMutablePointer(mutating: flag)) }
            self = .flag(flag.pointee)
        case .floatingPoint, .date, .timeType, .dateTime: self = .other
        }
    }
}

/// Why a text is not TOML, in the parser's words, and where.
package struct TOMLFault: Error, Sendable, CustomStringConvertible {
    package let description: String

    fileprivate init(_ error: CTOMLParseError) {
        func text(_ place: CTOMLSourcePosition) -> String { "line \(place.line), column \(place.column)" }
        let (begin, end) = (text(error.source.begin), text(error.source.end))
        description =
            "\(String(cString: error.description)) (\(begin == end ? "at \(begin)" : "from \(begin) to \(end)"))"
    }
}
