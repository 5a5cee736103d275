import BlockStore
import Boot
import Catalog
import ImageIndex

/// `list --json` (DESIGN section 6): bytes throughout, null where not known.
struct ListOutput: Encodable {
    let catalogs: [CatalogRow]
    let distributions: [DistributionRow]
}

/// One distribution with its versions, newest first.
struct DistributionRow: Encodable {
    let id: String
    let catalog: String
    let title: String
    let versions: [VersionRow]

    init(
        _ distribution: Distribution, copy: CatalogCopy, library: CatalogLibrary, cache: BlockCache,
        sessions: [SessionStatus]
    ) {
        id = distribution.id
        catalog = copy.source.name
        title = distribution.title
        versions = distribution.versions.map { version in
            let running = sessions.contains {
                $0.catalog == copy.source.name && $0.distribution == distribution.id && $0.version == version.id.text
            }
            return VersionRow(
                version, indexPath: library.indexPath(copy.source, distribution, version), cache: cache,
                running: running)
        }
    }
}

/// One version: what it costs and what is here.
struct VersionRow: Encodable {
    let id: String
    let published: String
    let size: UInt64
    /// Not known without a boot set.
    let toBoot: UInt64?
    /// Bytes of the image that are in the cache (holes do not count: they need not be fetched).
    let here: UInt64
    let new: UInt64?
    let offline: String
    let running: Bool
    let pinned: Bool

    init(_ version: DistributionVersion, indexPath: String, cache: BlockCache, running: Bool) {
        id = version.id.text
        published = version.published.description
        size = version.size
        toBoot = nil
        new = nil
        pinned = false
        self.running = running
        // Without the index nothing of it can be here that we know of.
        let share = (try? ImageIndex(path: indexPath)).map { CachedShare(index: $0, cache: cache) }
        here = share?.bytesHere ?? 0
        offline = share?.isWhole == true ? "whole" : "no"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(published, forKey: .published)
        try container.encode(size, forKey: .size)
        try container.encode(toBoot, forKey: .toBoot)
        try container.encode(here, forKey: .here)
        try container.encode(new, forKey: .new)
        try container.encode(offline, forKey: .offline)
        try container.encode(running, forKey: .running)
        try container.encode(pinned, forKey: .pinned)
    }

    private enum CodingKeys: String, CodingKey {
        case id, published, size, toBoot, here, new, offline, running, pinned
    }
}
