import Catalog
import Testing

@testable import Boot

/// Which versions a bisect is about, by what the user names.
@Suite struct BisectRangeTests {
    private static let weeks = ["2026-09-07", "2026-09-14", "2026-09-14.1", "2026-09-21", "2026-09-28"]

    private static func found(withdrawn: [String] = []) throws -> FoundDistribution {
        var distribution = Distribution(
            id: "debian",
            versions: try weeks.filter { !withdrawn.contains($0) }.map { id in
                DistributionVersion(
                    id: try #require(VersionID(id)), published: Timestamp(seconds: 0), index: "d/\(id).caibx", size: 1)
            })
        distribution.withdrawn = try withdrawn.map {
            WithdrawnVersion(id: try #require(VersionID($0)), when: Timestamp(seconds: 0))
        }
        let source = try CatalogSource(name: "test", location: "https://example.org/")
        let document = CatalogDocument(name: "test", updated: Timestamp(seconds: 0), distributions: [distribution])
        return FoundDistribution(
            copy: CatalogCopy(source: source, state: .fresh, document: document), document: document,
            distribution: distribution)
    }

    @Test func versionsAreOrderedByDayAndNumber() throws {
        let range = try BisectRange(try Self.found(), good: "2026-09-07", bad: nil)
        #expect(range.versions == Self.weeks)
        #expect(range.system == BisectedSystem(catalog: "test", distribution: "debian"))
        #expect(
            try BisectRange(try Self.found(), good: "2026-09-14", bad: "2026-09-21").versions
                == Array(Self.weeks[1...3]))
    }

    @Test func withdrawnVersionsAreLeftOutButMayBeTheEnds() throws {
        let range = try BisectRange(
            try Self.found(withdrawn: ["2026-09-14", "2026-09-28"]), good: "2026-09-07", bad: "2026-09-28")
        #expect(range.versions == ["2026-09-07", "2026-09-14.1", "2026-09-21", "2026-09-28"])
        #expect(range.withdrawn == ["2026-09-14"])
    }

    @Test func neighboursAreARange() throws {
        #expect(try BisectRange(try Self.found(), good: "2026-09-21", bad: nil).versions.count == 2)
    }

    @Test func whatIsNoRangeIsRefused() throws {
        let found = try Self.found()
        #expect(throws: BisectError.same("2026-09-07")) {
            try BisectRange(found, good: "2026-09-07", bad: "2026-09-07")
        }
        #expect(throws: BisectError.backwards(good: "2026-09-28", bad: "2026-09-07")) {
            try BisectRange(found, good: "2026-09-28", bad: "2026-09-07")
        }
        #expect(throws: CatalogAccessError.self) { try BisectRange(found, good: "2026-09-08", bad: nil) }
        #expect(throws: CatalogAccessError.self) { try BisectRange(found, good: "", bad: nil) }
    }
}
