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
