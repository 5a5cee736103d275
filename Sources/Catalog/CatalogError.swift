/// Why a catalog could not be used.
package enum CatalogError: Error, Sendable, Equatable {
    /// The document has more bytes than are read.
    case tooLarge(size: Int, limit: Int)
    /// The document is of a format that this program does not know; nil where it names none.
    case unknownFormat(String?)
    /// The document is no JSON, or says something impossible. `place` is such as `distributions[2].id`, `reason` a phrase.
    case malformed(place: String, reason: String)
}

extension CatalogError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLarge(let size, let limit): "the catalog has \(size) bytes, more than \(limit)"
        case .unknownFormat(nil): "not an OS Circular catalog: it names no format"
        case .unknownFormat(let format?): "the catalog is of the unknown format \(format.debugDescription)"
        case .malformed(let place, let reason):
            place.isEmpty ? "malformed catalog: \(reason)" : "malformed catalog: \(place): \(reason)"
        }
    }
}
