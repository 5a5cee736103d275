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
