import Catalog
import Curl
import Formats

/// What is known of a system's builds: `listings/SYSTEM.json`.
struct StoredListing: Sendable, Hashable, Codable {
    struct Version: Sendable, Hashable, Codable {
        let id: VersionID
        var build: VendorBuild
        /// Whether the vendor's last answer had it.
        var isOffered = true
    }

    /// What it was read by: where a row has become another, it is asked for again.
    var place: VendorRow.ListingPlace
    var proof: VendorRow.Proof?
    var keys: [Vendor.PinnedKey]?
    /// When the vendor last answered with it.
    var asked: Timestamp
    /// Newest first.
    var versions: [Version] = []
    /// The ids of builds that had one, by the build's name: none gets another, and no other build gets it.
    var ids: [String: VersionID] = [:]
    /// What went wrong since then; nil for nothing.
    var fault: VendorsError?

    /// Ids that are remembered.
    private static let mostIDs = 2000

    init(of row: VendorRow, keys: [Vendor.PinnedKey], asked: Timestamp) {
        (place, proof, self.keys, self.asked) = (row.listing, row.proof, keys, asked)
    }

    /// Takes over what the vendor offers now.
    /// - Parameters:
    ///   - builds: oldest first.
    ///   - isWhole: whether all that the vendor offers is among them.
    ///   - isKept: whether a version that the vendor no longer has stays known.
    mutating func take(
        _ builds: [VendorBuild], most: Int, day: CalendarDate, isWhole: Bool, isKept: (VersionID) -> Bool
    ) {
        var used = Set(ids.values)
        var offered: [Version] = []
        // The oldest first, so that another machine that sees the same list gives the same names.
        for build in builds.suffix(most) {
            let id: VersionID
            if let before = ids[build.name] {
                id = before
            } else if let same = versions.first(where: { $0.build.isSame(as: build) }) {
                // The table calls it by another name now.
                id = same.id
                ids[build.name] = id
            } else {
                guard let new = StoredListing.id(of: build, day: day, used) else { continue }
                id = new
                used.insert(id)
                ids[build.name] = id
            }
            offered.append(Version(id: id, build: build))
        }
        let taken = Set(offered.map(\.id))
        let gone = versions.filter { !taken.contains($0.id) && (!isWhole || isKept($0.id)) }.map { version in
            var version = version
            version.isOffered = builds.contains { $0.name == version.build.name } || (!isWhole && version.isOffered)
            return version
        }
        versions = (offered + gone).sorted { $0.id > $1.id }
        guard ids.count > StoredListing.mostIDs else { return }
        let newest = ids.sorted { $0.value > $1.value }.prefix(StoredListing.mostIDs)
        ids = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }

    /// The build's day, and the first number of it that is free.
    private static func id(of build: VendorBuild, day today: CalendarDate, _ used: Set<VersionID>) -> VersionID? {
        let day = build.day ?? today
        var number = build.serial ?? 0
        while number < 1_000_000_000 {
            if let id = VersionID(number == 0 ? "\(day)" : "\(day).\(number)"), !used.contains(id) { return id }
            number += 1
        }
        return nil
    }
}

extension VendorRow {
    /// The URLs of a file: the vendor's own, then its mirrors'.
    func urls(of url: String) -> [String] {
        guard let base = listing.base, url.hasPrefix(base) else { return [url] }
        return [url] + listing.mirrors.map { $0 + url.dropFirst(base.count) }
    }

    /// The row as a distribution of a catalog.
    func distribution(_ listing: StoredListing?) -> Distribution {
        Distribution(
            id: id, title: title, summary: summary, homepage: homepage, architecture: architecture,
            supportEnds: supportEnds, guest: guest,
            versions: (listing?.versions ?? []).map { version in
                var known = DistributionVersion(
                    id: version.id, published: Timestamp(version.id.date),
                    notes: version.isOffered ? "" : "no longer offered by its vendor",
                    index: "vendors/\(id)/\(version.id)", size: version.build.size ?? sizeHint ?? 0)
                known.source = VersionSource(
                    urls: urls(of: version.build.url), format: format, size: version.build.size,
                    digests: version.build.digest.map { [$0] } ?? [], trust: proof.trust, build: version.build.name)
                return known
            })
    }
}
