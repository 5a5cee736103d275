/// Any error's words for a person, without the names that a compiler knows it by.
/// - Returns: the error's own description; a phrase for one that has none.
package func words(of error: any Error) -> String {
    switch error {
    case is CancellationError: "it was cancelled"
    case is DecodingError: "it is not written as it should be"
    case let error as any CustomStringConvertible: error.description
    default: "for a reason that this program has no words for"
    }
}
