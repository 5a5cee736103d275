import BlockStore
import Catalog
import FoundationEssentials
import Linux
import TestSupport
import Testing

@testable import Boot

/// What is kept of how systems start, on a disk that may have anything on it.
@Suite struct HealthRecordTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let library: HealthLibrary

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        library = HealthLibrary(places: places)
    }

    private var path: String { "\(places.health)/demo/debian.json" }

    private func write(_ text: String) throws {
        try Folder.make("\(places.health)/demo")
        try AtomicFile.write(Array(text.utf8), to: path)
    }

    private static func bad(_ version: String) -> HealthRecord.Unhealthy {
        HealthRecord.Unhealthy(version: version, time: Timestamp(seconds: 1_764_000_000), why: .late, seconds: 200)
    }

    @Test func whatIsNotedIsReadAgain() throws {
        #expect(library.record("demo", "debian") == HealthRecord() && library.all().isEmpty)
        try library.change("demo", "debian") {
            $0.noteHealthy("2026-11-16", at: Timestamp(seconds: 5), seconds: 12.5, accel: "kvm")
            $0.note(Self.bad("2026-11-23"))
        }
        let record = library.record("demo", "debian")
        #expect(record.isHealthy("2026-11-16") && record.longestStart(accel: "kvm") == 12.5)
        #expect(record.fault(of: "2026-11-23") == Self.bad("2026-11-23"))
        #expect(library.all() == ["demo/debian": record])
        #expect(try #require(try Paths.statusOfName(path)).permissions == 0o600)
        // Healthy after all.
        try library.change("demo", "debian") { $0.noteHealthy("2026-11-23", at: .now, seconds: nil, accel: "kvm") }
        let cleared = library.record("demo", "debian")
        #expect(
            cleared.fault(of: "2026-11-23") == nil && cleared.healthy.map(\.version) == ["2026-11-23", "2026-11-16"])
        #expect(cleared.starts.count == 1, "how long it took nobody saw")
    }

    @Test(arguments: [
        "", "{", "[]", "5", "null", "{\"starts\":5,\"healthy\":null,\"unhealthy\":{}}", "\u{0}\u{0}\u{0}",
        "{\"starts\":[{\"version\":\"../../x\",\"accel\":\"tcg\",\"seconds\":5},{\"version\":\"2026-11-16\",\"accel\":\"x\",\"seconds\":5},"
            + "{\"version\":\"2026-11-16\",\"accel\":\"tcg\",\"seconds\":1e300},{\"version\":\"2026-11-16\",\"accel\":\"tcg\",\"seconds\":-1}]}",
        "{\"unhealthy\":[{\"version\":\"2026-11-16\",\"time\":\"2026-11-17T00:00:00Z\",\"why\":\"a newer program's reason\"},"
            + "{\"version\":\"2026-11-16\",\"time\":\"yesterday\",\"why\":\"late\"},"
            + "{\"version\":\"x\\u001b[2J\",\"time\":\"2026-11-17T00:00:00Z\",\"why\":\"late\"},"
            + "{\"version\":\"2026-11-16\",\"time\":\"2026-11-17T00:00:00Z\",\"why\":\"late\",\"seconds\":-5}]}",
    ])
    func whatNobodyHereWroteCountsForNothing(_ text: String) throws {
        try write(text)
        #expect(library.record("demo", "debian") == HealthRecord())
        // And is written over.
        try library.change("demo", "debian") { $0.note(Self.bad("2026-11-23")) }
        #expect(library.record("demo", "debian").fault(of: "2026-11-23") != nil)
    }

    @Test func keysOfANewerProgramAndEntriesThatItDoesNotUnderstandDoNoHarm() throws {
        try write(
            "{\"format\":9,\"healthy\":[{\"version\":\"2026-11-16\",\"time\":\"2026-11-17T00:00:00Z\",\"by\":\"ssh\"},7]}"
        )
        #expect(library.record("demo", "debian").healthy.map(\.version) == ["2026-11-16"])
    }

    @Test func aRecordThatIsTooLargeIsBegunAnew() throws {
        try write("{\"healthy\":[" + String(repeating: " ", count: 1 << 17) + "]}")
        #expect(library.record("demo", "debian") == HealthRecord())
        try library.change("demo", "debian") { $0.note(Self.bad("2026-11-23")) }
        #expect(library.record("demo", "debian").unhealthy.count == 1)
    }

    @Test func aFolderInItsPlaceIsSaidAndNotRemoved() throws {
        try Folder.make(path)
        #expect(library.record("demo", "debian") == HealthRecord())
        #expect(throws: SystemCallError.self) {
            try library.change("demo", "debian") { $0.note(Self.bad("2026-11-23")) }
        }
        #expect(Folder.isFolder(path))
    }

    @Test func itIsBounded() throws {
        var record = HealthRecord()
        for day in 1...28 {
            for month in 1...9 {
                let version = "2026-0\(month)-\(day < 10 ? "0" : "")\(day)"
                record.noteHealthy(version, at: Timestamp(seconds: 0), seconds: 1, accel: "tcg")
                record.note(Self.bad("2025-0\(month)-\(day < 10 ? "0" : "")\(day)"))
            }
        }
        #expect(record.starts.count == 16 && record.healthy.count == 32 && record.unhealthy.count == 32)
        #expect(record.healthy.first?.version == "2026-09-28", "the newest stay")
        #expect(try JSONEncoder().encode(record).count < 1 << 14)
    }

    // MARK: What a bare name means

    @Test func aVersionThatDidNotComeUpIsNotChosenByItselfWhileItIsTheNewest() throws {
        var record = HealthRecord()
        let offered = ["2026-11-23", "2026-11-16", "2026-11-09"]
        #expect(record.choice(among: offered) == nil)
        record.note(Self.bad("2026-11-23"))
        #expect(record.choice(among: offered) == "2026-11-16", "nobody knows which is healthy")
        record.noteHealthy("2026-11-09", at: .now, seconds: 1, accel: "tcg")
        #expect(record.choice(among: offered) == "2026-11-09")
        // A newer one is there.
        #expect(record.choice(among: ["2026-11-30"] + offered) == nil)
        record.note(Self.bad("2026-11-30"))
        #expect(record.choice(among: ["2026-11-30"] + offered) == "2026-11-09")
        // The healthy one is no longer offered.
        #expect(record.choice(among: ["2026-11-30", "2026-11-23", "2026-11-16"]) == "2026-11-16")
        #expect(record.choice(among: ["2026-11-30", "2026-11-23"]) == nil, "nothing is better")
        record.noteHealthy("2026-11-30", at: .now, seconds: 1, accel: "tcg")
        #expect(record.choice(among: ["2026-11-30"] + offered) == nil)
    }

    @Test func aNameWithoutAVersionMeansTheLastThatCameUp() throws {
        let distribution = Distribution(
            id: "debian",
            versions: try ["2026-11-23", "2026-11-16"].map {
                DistributionVersion(
                    id: try #require(VersionID($0)), published: .now, index: "debian/\($0).caibx", size: 512)
            })
        let source = try CatalogSource(name: "demo", location: "/demo")
        let document = CatalogDocument(name: "demo", updated: .now, distributions: [distribution])
        let copy = CatalogCopy(source: source, state: .fresh, document: document)
        let systems = SystemsLibrary(
            catalogs: CatalogLibrary(directory: places.catalogs, transfers: .init()), places: places)
        func choice(_ name: String) throws -> String {
            let name = try #require(VersionName(name))
            return try systems.choose(name, from: name.find(in: [copy])).version.id.text
        }
        #expect(try choice("debian") == "2026-11-23")
        try library.change("demo", "debian") {
            $0.noteHealthy("2026-11-16", at: .now, seconds: 1, accel: "tcg")
            $0.note(Self.bad("2026-11-23"))
        }
        #expect(try choice("debian") == "2026-11-16" && choice("demo/debian@2026-11-23") == "2026-11-23")
        let reader = SystemsReader(
            places: places, systems: systems, cache: BlockCache.open(places: places, configuration: .init()))
        let system = reader.outline([copy], sessions: []).systems[0]
        #expect(system.newest?.key.version == "2026-11-16" && system.passedOver?.key.version == "2026-11-23")
        #expect(system.versions.map { $0.unhealthy != nil } == [true, false])
    }
}
