/// Any error's words for a person, without the names that a compiler knows it by.
/// - Returns: the error's own description; a phrase for one that has none.
package func words(of error: any Error) -> String {
    switch error {
    case is CancellationError: "it was cancelled"
    case is DecodingError: "what was read is not written as it should be"
    case let error as any CustomStringConvertible: error.description
    default: "an error that this program has no words for"
    }
}
