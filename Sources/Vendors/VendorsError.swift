/// Why a vendor's table, listing or file could not be used. The reason is a phrase for people.
package enum VendorsError: Error, Sendable, Equatable {
    /// A file of the table; `place` is a key in it.
    case table(file: String, place: String, reason: String)
}

extension VendorsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .table(let file, let place, let reason): "\(file): \(place) \(reason)"
        }
    }
}
