/// `catalog.json`: the distributions and versions of one publisher.
package struct CatalogDocument: Sendable, Hashable, Encodable {
    /// The only format there is.
    package static let format = "oscircular-catalog/1"

    package let format: String
    package var name: String
    package var description: String
    package var updated: Timestamp
    /// The block store, relative to the tree's root: `blocks/`.
    package var blocks: String
    /// Root URLs of copies of the tree: http, https or file.
    package var mirrors: [String]
    package var distributions: [Distribution]

    package init(
        name: String, description: String = "", updated: Timestamp, blocks: String = "blocks/", mirrors: [String] = [],
        distributions: [Distribution] = []
    ) {
        format = CatalogDocument.format
        self.name = name
        self.description = description
        self.updated = updated
        self.blocks = blocks
        self.mirrors = mirrors
        self.distributions = distributions
    }

    /// The distribution of an id, or nil.
    package func distribution(_ id: String) -> Distribution? { distributions.first { $0.id == id } }
}

extension CatalogDocument: Decodable {
    private enum CodingKeys: String, CodingKey {
        case format, name, description, updated, blocks, mirrors, distributions
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // Looked at first: another format's other fields would give a misleading error.
        let format = try container.decodeIfPresent(String.self, forKey: .format)
        guard format == CatalogDocument.format else { throw CatalogError.unknownFormat(format) }
        self.init(
            name: try container.decodeIfPresent(String.self, forKey: .name) ?? "",
            description: try container.decodeIfPresent(String.self, forKey: .description) ?? "",
            updated: try container.decode(Timestamp.self, forKey: .updated),
            blocks: try container.decodeIfPresent(String.self, forKey: .blocks) ?? "blocks/",
            mirrors: try container.decodeIfPresent([String].self, forKey: .mirrors) ?? [],
            distributions: try container.decodeIfPresent([Distribution].self, forKey: .distributions) ?? [])
    }
}

/// Why a catalog could not be used.
package enum CatalogError: Error, Sendable, Equatable {
    /// The document has more bytes than are read.
    case tooLarge(size: Int, limit: Int)
    /// The document is of a format that this program does not know; nil where it names none.
    case unknownFormat(String?)
    /// The document is not JSON, or says something impossible. `place` is such as `distributions[2].id`, `reason` a phrase.
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
