import Formats

/// Why bytes are not the JSON that metadata may be. Offsets are bytes from the start.
package enum JSONError: Error, Sendable, Equatable {
    /// More bytes than the caller allows.
    case tooLong(limit: Int)
    /// Arrays and objects deeper in one another than the parser follows.
    case tooDeep(limit: Int)
    /// The bytes are not UTF-8, or an escape names half of a surrogate pair.
    case invalidText(offset: Int)
    /// No JSON value, or something behind it.
    case syntax(offset: Int)
    /// An object names one key twice: two readers could understand it in two ways.
    case duplicateKey(String)
    /// A fraction, an exponent, or an integer beyond 64 bits: canonical JSON has none of them.
    case notAnInteger(offset: Int)
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLong(let limit): "it is longer than \(limit) bytes"
        case .tooDeep(let limit): "it is nested deeper than \(limit) levels"
        case .invalidText(let offset): "byte \(offset) is not UTF-8 text"
        case .syntax(let offset): "it is not JSON (byte \(offset))"
        case .duplicateKey(let key): "it has \(key.debugDescription) twice in one object"
        case .notAnInteger(let offset): "the number at byte \(offset) is not a whole one of 64 bits"
        }
    }
}

/// A JSON parser for bytes from an enemy: bounded in size and depth, and strict where lenient parsers differ.
///
/// Foundation's takes duplicate keys and nests without bound.
package struct JSONParser {
    /// Arrays and objects in one another; metadata needs 7 and leaves room for custom data.
    package static let maximumDepth = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    /// Whether fractions and exponents are taken, with nothing as their value.
    private let takesFractions: Bool
    private var position = 0

    /// The one value that the bytes are.
    /// - Throws: ``JSONError``.
    package static func parse(_ bytes: [UInt8], maximumLength: Int) throws(JSONError) -> JSONValue {
        try parse(bytes, maximumLength: maximumLength, takesFractions: false)
    }

    /// Whether the bytes are JSON that all readers understand in one way, for a document that a lenient parser reads afterwards. Numbers may
    /// be fractions.
    /// - Throws: ``JSONError``.
    package static func check(_ bytes: [UInt8], maximumLength: Int) throws(JSONError) {
        _ = try parse(bytes, maximumLength: maximumLength, takesFractions: true)
    }

    /// As ``parse(_:maximumLength:)``, for documents that nobody signs as canonical JSON: what is a fraction becomes null.
    /// - Throws: ``JSONError``.
    package static func parseAny(_ bytes: [UInt8], maximumLength: Int) throws(JSONError) -> JSONValue {
        try parse(bytes, maximumLength: maximumLength, takesFractions: true)
    }

    private static func parse(
        _ bytes: [UInt8], maximumLength: Int, takesFractions: Bool
    ) throws(JSONError) -> JSONValue {
        guard bytes.count <= maximumLength else { throw .tooLong(limit: maximumLength) }
        let result = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(JSONError) in
                var parser = JSONParser(bytes: buffer, takesFractions: takesFractions)
                let value = try parser.value(depth: 0)
                parser.skipSpace()
                guard parser.position == buffer.count else { throw .syntax(offset: parser.position) }
                return value
            }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, takesFractions: Bool) {
        (self.bytes, self.takesFractions) = (bytes, takesFractions)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"): return try number()
        case .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        default: throw .syntax(offset: position)
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count, bytes[position..<end].elementsEqual(word.description.utf8) else {
            throw .syntax(offset: position)
        }
        position = end
        return value
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw .tooDeep(limit: Self.maximumDepth) }
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(values) }
        while true {
            values.append(try value(depth: depth))
            skipSpace()
            if take("]") { return .array(values) }
            guard take(",") else { throw .syntax(offset: position) }
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw .tooDeep(limit: Self.maximumDepth) }
        position += 1
        var members: [NameTable<JSONValue>.Entry] = []
        skipSpace()
        if take("}") { return .object(NameTable()) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw .syntax(offset: position) }
            let name = try string()
            skipSpace()
            guard take(":") else { throw .syntax(offset: position) }
            members.append(.init(name: name, value: try value(depth: depth)))
            skipSpace()
            if take("}") { return .object(try NameTable(members)) }
            guard take(",") else { throw .syntax(offset: position) }
        }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        let isNegative = take("-")
        let digits = position
        var value = 0
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            let digit = Int(byte - UInt8(ascii: "0"))
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
            guard !overflow, !carry else { throw .notAnInteger(offset: start) }
            value = sum
            position += 1
        }
        guard position > digits, position == digits + 1 || bytes[digits] != UInt8(ascii: "0") else {
            throw .syntax(offset: start)
        }
        if next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            guard takesFractions else { throw .notAnInteger(offset: start) }
            while let byte = next, "0123456789.eE+-".utf8.contains(byte) { position += 1 }
            return .null
        }
        return .integer(value)
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = next {
            if byte == UInt8(ascii: "\"") {
                let text = try Self.text(bytes[start..<position], offset: start)
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw .syntax(offset: position) }
            position += 1
        }
        throw .syntax(offset: position)
    }

    /// The slow way, for a string in which there is a `\`.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var unescaped = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try Self.text(unescaped[...], offset: start)
            case UInt8(ascii: "\\"): try escape(into: &unescaped)
            case 0..<0x20: throw .syntax(offset: position - 1)
            default: unescaped.append(byte)
            }
        }
        throw .syntax(offset: position)
    }

    private mutating func escape(into unescaped: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw .syntax(offset: position) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0c)
        case UInt8(ascii: "n"): unescaped.append(0x0a)
        case UInt8(ascii: "r"): unescaped.append(0x0d)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"):
            let offset = position
            var code = try fourHexDigits()
            if (0xd800..<0xdc00).contains(code) {
                guard take("\\"), take("u") else { throw .invalidText(offset: offset) }
                let low = try fourHexDigits()
                guard (0xdc00..<0xe000).contains(low) else { throw .invalidText(offset: offset) }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .invalidText(offset: offset) }
            unescaped += String(Character(scalar)).utf8
        default: throw .syntax(offset: position - 1)
        }
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Hexadecimal.value(of: byte) else { throw .syntax(offset: position) }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private static func text(_ bytes: some Collection<UInt8>, offset: Int) throws(JSONError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidText(offset: offset) }
        return text
    }
}
