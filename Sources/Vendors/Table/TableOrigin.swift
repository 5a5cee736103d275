import Curl

/// Who says what a table says.
package enum TableOrigin: Sendable, Hashable, Codable {
    /// A file of this machine: installed with the program, the administrator's or the user's own.
    case folder
    /// A followed catalog's publisher, who has signed it. What it names may lead to the internet, and to where that catalog's server is.
    case catalog(String, at: AddressKind)

    /// The catalog's name.
    package var catalog: String? { if case .catalog(let name, _) = self { name } else { nil } }
}
