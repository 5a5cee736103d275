/// Why a vendor's table, listing or file could not be used. The reasons are phrases for people.
package enum VendorsError: Error, Sendable, Hashable, Codable {
    /// A file of the table; `place` is a key in it.
    case table(file: String, place: String, reason: String)
    /// A catalog's table is not used as the settings or its publisher say.
    case catalogsTable(catalog: String, reason: String)
    /// The table has no such system; near names are suggested.
    case noSuchSystem(String, near: [String])
    /// The vendor no longer has the build.
    case gone(system: String, build: String, url: String)
    /// No answer, or one that may be another soon: the row stays as it was.
    case transient(system: String, url: String, reason: String)
    /// The vendor answered with something that the table does not lead one to expect, or that contradicts itself.
    case structural(system: String, url: String, reason: String)
    /// Bytes that are not those that the vendor signed, or of another digest than it gives: they must not be used.
    case unverified(system: String, url: String, reason: String)
    /// Nothing says that the bytes are wrong, and nothing that they are right: another key has signed, or one that has expired.
    case cannotVerify(system: String, url: String, reason: String)
    /// This machine has no program for the vendor's kind of signature.
    case noVerifier(system: String, package: String)
    /// State that cannot be read or written.
    case state(path: String, reason: String)

    /// Whether the same request may work a little later.
    package var isTransient: Bool { if case .transient = self { true } else { false } }
}

extension VendorsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .table(let file, let place, let reason):
            place.isEmpty ? "\(file): \(reason)" : "\(file): \(place) \(reason)"
        case .catalogsTable(let catalog, let reason): "the table of catalog \(catalog) \(reason)"
        case .noSuchSystem(let name, let near):
            "no vendor offers '\(name)'" + (near.isEmpty ? "" : "; did you mean \(near.joined(separator: ", "))?")
        case .gone(_, let build, let url):
            "the vendor no longer offers \(VendorsError.clipped(build)): \(VendorsError.clipped(url)) does not exist"
        case .transient(_, let url, let reason), .structural(_, let url, let reason),
            .unverified(_, let url, let reason), .cannotVerify(_, let url, let reason):
            "\(VendorsError.clipped(url)): \(VendorsError.clipped(reason))"
        case .noVerifier(_, let package):
            "no program that verifies its vendor's signatures is installed; install the package \(package)"
        case .state(let path, let reason): "\(path): \(reason)"
        }
    }

    /// As much of a text as a message needs: what a server says in it may have any length.
    private static func clipped(_ text: String) -> String {
        text.utf8.count <= 600 ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(300))) + "..."
    }
}
