/// A boot pack of a version: the pages that its start reads, as pieces that a reader fetches instead of the blocks that they lie in.
package struct PublishedPack: Sendable, Hashable, Codable {
    /// The signed target, relative to `targets/`: `debian/2026-11-16.bootpack`.
    package var pack: String
    /// The older version against which it was made: it has only pages of blocks that this one has not. nil for a pack of all pages.
    package var basis: String?
    /// Bytes of its pages.
    package var size: UInt64
    /// Bytes of its pieces as they lie in the block store: what a reader fetches.
    package var storedSize: UInt64

    /// The most of one version.
    package static let most = 8
    /// The most bytes that one's pages have.
    package static let longest: UInt64 = 16 << 30
    /// The ending of a pack's name.
    package static let ending = ".bootpack"

    package init(pack: String, basis: String? = nil, size: UInt64, storedSize: UInt64) {
        (self.pack, self.basis, self.size, self.storedSize) = (pack, basis, size, storedSize)
    }

    /// The target's name.
    package static func name(_ distribution: String, _ version: VersionID, basis: VersionID? = nil) -> String {
        "\(distribution)/\(version)" + (basis.map { ".from-\($0)" } ?? "") + ending
    }

    /// What is wrong with it; nil where nothing is.
    var fault: String? {
        guard pack.hasSuffix(PublishedPack.ending), CatalogDocument.isPath(pack) else {
            return "its file is not named as a publisher names it"
        }
        if let basis, VersionID(basis) == nil { return "its basis is not a version" }
        guard (1...PublishedPack.longest).contains(size), (1...(2 * PublishedPack.longest)).contains(storedSize) else {
            return "its size is out of bounds"
        }
        return nil
    }
}

/// One of a list as it is read: nil where this program cannot use it, which leaves the version as good as one without.
struct ReadPack: Decodable {
    let pack: PublishedPack?

    init(from decoder: any Decoder) {
        // A later program's, or nobody's.
        let pack = try? PublishedPack(from: decoder)
        self.pack = pack?.fault == nil ? pack : nil
    }
}
