import Catalog
import Linux
import TestSupport
import Testing

@testable import Boot

/// What is stored of bisects, and what is not taken for one.
@Suite struct BisectLibraryTests {
    private static let system = BisectedSystem(catalog: "test", distribution: "debian")
    private static let weeks = ["2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28", "2026-10-05"]

    private static func record(_ versions: [String] = weeks, of system: BisectedSystem = system) -> BisectRecord {
        BisectRecord(system, versions: versions, begun: Timestamp(seconds: 1_790_000_000))
    }

    private struct Fixture {
        let folder: TemporaryDirectory
        let library: BisectLibrary
        let file: String

        init() throws {
            let folder = try TemporaryDirectory()
            self.folder = folder
            let places = Places(
                environment: { ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_STATE_HOME": folder.path("state")][$0] },
                user: 1, home: folder.path)
            library = BisectLibrary(places: places)
            file = "\(places.bisects)/test/debian/state.json"
        }
    }

    private static func answer(_ version: String, _ verdict: Bisection.Verdict) -> BisectRecord.Answer {
        .init(version: version, verdict: verdict, means: .hand)
    }

    @Test func whatIsSavedIsReadAgain() throws {
        let fixture = try Fixture()
        #expect(try fixture.library.record(of: Self.system) == nil)
        let hold = try fixture.library.take(Self.system)
        try hold.begin(Self.record())
        var record = try hold.take(Self.answer("2026-09-21", .bad))
        record.session = "abcd1234"
        record.bytes = 123_456_789_012
        try hold.save(record)
        #expect(try fixture.library.record(of: Self.system) == record)
        #expect(fixture.library.systems() == [Self.system])
        #expect(record.bisection?.outcome() == .next("2026-09-14", steps: 1))
        #expect(try Paths.status(fixture.file)?.permissions == 0o600)
    }

    @Test func theGuestsOtherSessionIsStoredOnlyWhereItIsStillTheGuest() throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        var record = Self.record()
        record.session = "abcd1234"
        try hold.begin(record)
        try hold.rename("zzzz1234", to: "efgh5678")
        #expect(try hold.record()?.session == "abcd1234")
        try hold.rename("abcd1234", to: "efgh5678")
        #expect(try hold.record()?.session == "efgh5678")
    }

    @Test func anotherCommandWaitsForNobody() throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        #expect(throws: BisectError.busy(Self.system)) { try fixture.library.take(Self.system) }
        hold.release()
        _ = try fixture.library.take(Self.system)
    }

    @Test func whatIsForgottenLeavesNothing() throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        try hold.begin(Self.record())
        try AtomicFile.write("x", to: hold.log(of: "2026-09-21"))
        try hold.remove()
        #expect(fixture.library.systems().isEmpty)
        #expect(throws: BisectError.none(nil)) { try fixture.library.system(named: nil) }
        // A lock that was taken meanwhile is of a folder that is gone.
        _ = try fixture.library.take(Self.system)
    }

    @Test func aNewOneKeepsNoLogsOfTheOld() throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        try hold.begin(Self.record())
        try AtomicFile.write("x", to: hold.log(of: "2026-09-21"))
        try hold.begin(Self.record(Array(Self.weeks.prefix(3))))
        #expect(try Paths.isThere(hold.log(of: "2026-09-21")) == false)
    }

    @Test func theOneThatIsOpenNeedsNoName() throws {
        let fixture = try Fixture()
        let other = BisectedSystem(catalog: "mine", distribution: "debian")
        try fixture.library.take(Self.system).begin(Self.record())
        #expect(try fixture.library.system(named: nil) == Self.system)
        try fixture.library.take(other).begin(Self.record(of: other))
        #expect(throws: BisectError.several([other, Self.system])) {
            try fixture.library.system(named: VersionName("debian"))
        }
        #expect(try fixture.library.system(named: VersionName("mine/debian")) == other)
        #expect(throws: BisectError.self) { try fixture.library.system(named: VersionName("fedora")) }
    }

    @Test(arguments: [
        "", "{", "[]", "{\"format\": 1}", "\u{0}\u{0}",
        #"{"format":1,"catalog":"test","distribution":"debian","begun":"2026-09-07T00:00:00Z","versions":[],"answers":[],"boots":0,"bytes":0,"seconds":0}"#,
        #"{"format":1,"catalog":"test","distribution":"debian","begun":"2026-09-07T00:00:00Z","versions":["2026-09-14","2026-09-07"],"answers":[],"boots":0,"bytes":0,"seconds":0}"#,
        #"{"format":1,"catalog":"test","distribution":"debian","begun":"2026-09-07T00:00:00Z","versions":["2026-09-07","../../x"],"answers":[],"boots":0,"bytes":0,"seconds":0}"#,
        #"{"format":1,"catalog":"test","distribution":"debian","begun":"2026-09-07T00:00:00Z","versions":["2026-09-07","2026-09-14","2026-09-21"],"answers":[{"version":"2026-09-07","verdict":"bad","means":"hand"}],"boots":0,"bytes":0,"seconds":0}"#,
        #"{"format":1,"catalog":"test","distribution":"debian","begun":"2026-09-07T00:00:00Z","versions":["2026-09-07","2026-09-14"],"answers":[],"boots":0,"bytes":0,"seconds":0,"session":"../x"}"#,
        #"{"format":1,"catalog":"other","distribution":"debian","begun":"2026-09-07T00:00:00Z","versions":["2026-09-07","2026-09-14"],"answers":[],"boots":0,"bytes":0,"seconds":0}"#,
    ]) func whatIsNoRecordIsRefusedAndStays(text: String) throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        try AtomicFile.write(text, to: fixture.file)
        #expect {
            try fixture.library.record(of: Self.system)
        } throws: { error in
            guard case BisectError.damaged(Self.system, fixture.file, _) = error else { return false }
            return true
        }
        #expect(try FileContents.readText(fixture.file, limit: 10_000) == text)
        // And it can be got rid of.
        try hold.remove()
        #expect(try fixture.library.record(of: Self.system) == nil)
    }

    @Test func aLinkALongFileAndANewerProgramsAreRefused() throws {
        let fixture = try Fixture()
        _ = try fixture.library.take(Self.system)
        try AtomicFile.write(#"{"format":2,"anything":[]}"#, to: fixture.file)
        #expect(throws: BisectError.newer(Self.system, format: 2)) { try fixture.library.record(of: Self.system) }
        try AtomicFile.write(
            String(repeating: " ", count: RecordFile.longest) + "{}", to: fixture.file)
        #expect(throws: BisectError.self) { try fixture.library.record(of: Self.system) }
        try Paths.remove(fixture.file)
        try Paths.makeLink(fixture.file, to: "/dev/zero")
        #expect(throws: BisectError.self) { try fixture.library.record(of: Self.system) }
    }

    @Test func keysOfTheFutureAreNoReasonToRefuse() throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        try hold.begin(Self.record())
        let text = try FileContents.readText(fixture.file, limit: 10_000)
        try AtomicFile.write("{\"later\": {\"a\": [1]}," + text.dropFirst(), to: fixture.file)
        #expect(try hold.record() == Self.record())
    }

    @Test func aWriteThatFailsLeavesWhatWasThere() throws {
        let fixture = try Fixture()
        let hold = try fixture.library.take(Self.system)
        try hold.begin(Self.record())
        var record = Self.record()
        try record.take(Self.answer("2026-09-21", .bad))
        // What a program that was killed leaves beside it is no record.
        try AtomicFile.write("{\"form", to: "\(hold.folder)/.state.json.1.abc.tmp")
        #expect(try hold.record() == Self.record())
        try hold.save(record)
        #expect(try hold.record() == record)
    }

    // MARK: The record

    @Test func theEndsStayWhatTheyWereGivenAs() throws {
        var record = Self.record()
        #expect(throws: BisectError.refused(Self.system, .contradiction("2026-09-07", .bad, other: "2026-09-07"))) {
            try record.take(Self.answer("2026-09-07", .bad))
        }
        try record.take(Self.answer("2026-10-05", .bad))
        #expect(record.answers.isEmpty && record.fault == nil)
    }

    @Test func whatCouldNotBootBecomesBadWhenThatIsTheFault() throws {
        var record = Self.record()
        for version in ["2026-09-21", "2026-09-28"] {
            try record.take(.init(version: version, verdict: .skip, means: .noBoot, reason: "nobody could log in"))
        }
        record.takeNoBootAsBad()
        #expect(record.bisection?.known("2026-09-21") == .bad && record.bisection?.known("2026-09-28") == .bad)
        #expect(record.fault == nil)
        #expect(record.bisection?.outcome() == .next("2026-09-14", steps: 1))
    }

    @Test func versionsThatNobodyHasAreNamedWithTheReason() throws {
        let record = Self.record()
        var version = DistributionVersion(
            id: try #require(VersionID("2026-09-14")), published: Timestamp(seconds: 0), index: "d/1.caibx", size: 1)
        version.notes = "kept"
        let key = Self.system.key("2026-09-14")
        var gone = VersionSummary(version, key: Self.system.key("2026-09-28"))
        gone.isGone = true
        let withdrawn = WithdrawnVersion(
            id: try #require(VersionID("2026-09-21")), when: Timestamp(seconds: 0), why: "does not boot")
        let summary = SystemSummary(
            source: try CatalogSource(name: "test", location: "https://example.org/"),
            distribution: Distribution(id: "debian"), versions: [VersionSummary(version, key: key), gone],
            withdrawn: [WithdrawnSummary(version: withdrawn)])
        let reasons = record.unavailable(in: summary)
        #expect(reasons.keys.sorted() == ["2026-09-21", "2026-09-28"])
        #expect(reasons["2026-09-21"] == withdrawn.words)
        #expect(record.unavailable(in: nil).keys.sorted() == Array(Self.weeks[1...3]), "the ends need no boot")
    }
}
