import Catalog
import FoundationEssentials
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

/// Rows of versions whose boot set is a guess, from another version's.
extension SystemsOverviewTests {
    private static let half = UInt64(SmallImage.blockSize / 2)

    private struct Row: Decodable, Equatable {
        let toBoot: UInt64?
        let offline: String
        let bootSetDerived: Bool?
    }

    private func row(_ version: VersionSummary) throws -> Row {
        try JSONDecoder().decode(Row.self, from: try JSONEncoder().encode(version))
    }

    @Test func anOlderVersionsPriceIsToldFromTheRecordedOne() async throws {
        #expect(try row(versions()[1]) == Row(toBoot: nil, offline: "no", bootSetDerived: nil))
        // Of the newer one `x` and `a`: the older one has `a`, and `c` in the place of `x`.
        try BootSetLibrary(places: places).record(BootSet([newer.ids[2], newer.ids[0]]), for: key("2026-11-23"))
        #expect(try row(versions()[1]) == Row(toBoot: 2 * Self.half, offline: "no", bootSetDerived: true))
        #expect(try row(versions()[0]) == Row(toBoot: 2 * Self.half, offline: "no", bootSetDerived: nil))
        try await bring(older, [0])
        #expect(versions()[1].toBoot == Self.half)
        try await bring(older, [2])
        // A guess does not promise that it boots offline.
        #expect(try row(versions()[1]) == Row(toBoot: 0, offline: "no", bootSetDerived: true))
        try await bring(older, [1, 4])
        #expect(versions()[1].offline == .whole)
    }

    @Test func itsOwnFirstRecordingTakesThePlaceOfTheGuess() throws {
        let library = BootSetLibrary(places: places)
        try library.record(BootSet(newer.ids), for: key("2026-11-23"))
        #expect(versions()[1].toBoot == 4 * Self.half)
        try library.record(BootSet([older.ids[1]]), for: key("2026-11-16"))
        #expect(try row(versions()[1]) == Row(toBoot: Self.half, offline: "no", bootSetDerived: nil))
    }

    @Test func aGuessOfThePublishersIsOneHereToo() throws {
        var document = try #require(copy.document)
        document.distributions[0].versions[1].bootSet = "debian/2026-11-16.bootset"
        document.distributions[0].versions[1].bootSetFrom = document.distributions[0].versions[0].id
        let derived = CatalogCopy(source: copy.source, state: .fresh, document: document)
        func older() throws -> Row {
            let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
            return try row(reader.details(reader.outline([derived], sessions: [])).systems[0].versions[1])
        }
        // Not fetched yet.
        #expect(try older() == Row(toBoot: nil, offline: "no", bootSetDerived: nil))
        let (distribution, ids) = (document.distributions[0], self.older.ids)
        let path = library.bootSetPath(copy.source, distribution, distribution.versions[1])
        try AtomicFile.write(BootSet([ids[0], ids[1], ids[2], ids[4]]).text, to: path)
        #expect(try older() == Row(toBoot: 4 * Self.half, offline: "no", bootSetDerived: true))
        // What was recorded here is not joined with a guess, however short it is.
        try BootSetLibrary(places: places).record(BootSet([ids[1]]), for: key("2026-11-16"))
        #expect(try older() == Row(toBoot: Self.half, offline: "no", bootSetDerived: nil))
    }

    @Test func filesOfVendorsAreNotGuessedFrom() throws {
        var document = try #require(copy.document)
        try BootSetLibrary(places: places).record(BootSet(newer.ids), for: key("2026-11-23"))
        document.distributions[0].versions[0].source = VersionSource(
            urls: ["https://example.org/a.img"], format: .raw, size: newer.index.imageSize, trust: .blocks)
        let files = CatalogCopy(source: copy.source, state: .fresh, document: document)
        let reader = SystemsReader(places: places, systems: SystemsLibrary(catalogs: library), cache: cache)
        #expect(reader.details(reader.outline([files], sessions: [])).systems[0].versions[1].toBoot == nil)
    }
}
