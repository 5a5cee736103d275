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

    /// Where it came from: one of another place counts as not there.
    var place: VendorRow.ListingPlace
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

    init(place: VendorRow.ListingPlace, asked: Timestamp) { (self.place, self.asked) = (place, asked) }

    /// Takes over what the vendor offers now.
    /// - Parameters:
    ///   - builds: oldest first.
    ///   - isKept: whether a version that the vendor no longer has stays known.
    mutating func take(_ builds: [VendorBuild], most: Int, day: CalendarDate, isKept: (VersionID) -> Bool) {
        var used = Set(ids.values)
        var offered: [Version] = []
        // The oldest first, so that another machine that sees the same list gives the same names.
        for build in builds.suffix(most) {
            let id: VersionID
            if let before = ids[build.name] {
                id = before
            } else {
                guard let new = StoredListing.id(of: build, day: day, used) else { continue }
                id = new
                used.insert(id)
                ids[build.name] = id
            }
            offered.append(Version(id: id, build: build))
        }
        let names = Set(offered.map(\.build.name))
        let gone = versions.filter { !names.contains($0.build.name) && isKept($0.id) }.map { version in
            var version = version
            version.isOffered = builds.contains { $0.name == version.build.name }
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
