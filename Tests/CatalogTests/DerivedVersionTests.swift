import Catalog
import TestSupport
import Testing

/// What a catalog says about boot sets that were derived, and which version is near another one.
@Suite struct DerivedVersionTests {
    private func version(_ fields: String) throws -> DistributionVersion {
        let text = """
            {"format": "oscircular-catalog/1", "name": "A", "description": "", "updated": "2026-11-16T03:12:00Z", "blocks": "blocks/",
             "distributions": [{"id": "d", "title": "D", "architecture": "x86_64", "versions": [
               {"id": "2026-11-16", "published": "2026-11-16T03:12:00Z", "index": "d/2026-11-16.caibx", "size": 512\(fields)}]}]}
            """
        return try CatalogDocument.decode(Array(text.utf8)).distributions[0].versions[0]
    }

    private func document(_ version: DistributionVersion) -> CatalogDocument {
        CatalogDocument(name: "A", updated: .now, distributions: [Distribution(id: "d", versions: [version])])
    }

    @Test func aDerivedBootSetNamesTheVersionThatItIsFrom() throws {
        let derived = try version(#", "derivedBootSet": "d/2026-11-16.bootset", "bootSetFrom": "2026-11-09.2""#)
        #expect(derived.bootSetFrom == VersionID("2026-11-09.2"))
        #expect(derived.bootSet != nil && derived.recordedBootSet == nil)
        let again = try CatalogDocument.decode(try document(derived).encode()).distributions[0].versions[0]
        #expect(again == derived)
        // Earlier readers would take it for a recorded one.
        #expect(!String(decoding: try document(derived).encode(), as: UTF8.self).contains("\"bootSet\""))
        let both = try version(
            #", "bootSet": "d/a.bootset", "derivedBootSet": "d/b.bootset", "bootSetFrom": "2026-11-09""#)
        #expect(both.recordedBootSet == "d/a.bootset")
    }

    @Test func oneThatWasRecordedIsWrittenAsEver() throws {
        let recorded = try version(#", "bootSet": "d/2026-11-16.bootset""#)
        #expect(recorded.bootSetFrom == nil && recorded.recordedBootSet == "d/2026-11-16.bootset")
        #expect(!String(decoding: try document(recorded).encode(), as: UTF8.self).contains("bootSetFrom"))
    }

    @Test(arguments: ["7", "null", "\"\"", "\"last week\"", "[\"2026-11-09\"]", "{}", "\"2026-02-30\""])
    func anUnusableNameIsNoReasonToRefuseTheCatalog(value: String) throws {
        let version = try version(#", "derivedBootSet": "d/2026-11-16.bootset", "bootSetFrom": \#(value)"#)
        #expect(version.bootSetFrom == nil && version.bootSet == nil)
        for path in ["7", "\"../x\"", "\"\""] {
            let version = try self.version(#", "derivedBootSet": \#(path), "bootSetFrom": "2026-11-09""#)
            #expect(version.bootSetFrom == nil && version.bootSet == nil)
        }
    }

    @Test(
        arguments: [
            ("2026-11-16", ["2026-11-10", "2026-11-23"], "2026-11-10"),
            ("2026-11-16", ["2026-11-08", "2026-11-23"], "2026-11-23"),
            // As near on both sides.
            ("2026-11-16", ["2026-11-09", "2026-11-23"], "2026-11-09"),
            ("2026-11-16", ["2026-11-16.3", "2026-11-16.1", "2026-11-15"], "2026-11-16.1"),
            // Over the end of a month and of a year.
            ("2027-01-01", ["2026-12-30", "2027-01-04"], "2026-12-30"),
            ("2026-11-16", [], nil),
        ] as [(String, [String], String?)])
    func theNearestIsTheNearestInTime(id: String, others: [String], nearest: String?) throws {
        let versions = try others.map {
            DistributionVersion(id: try #require(VersionID($0)), published: .now, index: "d/x.caibx", size: 1)
        }
        #expect(versions.nearest(to: try #require(VersionID(id)))?.id.text == nearest)
    }
}
