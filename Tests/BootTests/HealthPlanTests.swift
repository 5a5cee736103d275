import Catalog
import Testing

@testable import Boot

/// Who is judged, how long he has, and what boots in his place.
@Suite struct HealthPlanTests {
    private static let key = VersionKey(catalog: "demo", distribution: "debian", version: "2026-11-23")

    private static func record(
        _ healthy: [String], seconds: Double? = 20, accel: String = "tcg"
    ) -> HealthRecord {
        var record = HealthRecord()
        for (day, version) in healthy.enumerated() {
            record.noteHealthy(version, at: .init(seconds: Int64(day)), seconds: seconds, accel: accel)
        }
        return record
    }

    private static func plan(
        _ record: HealthRecord, asked: Int? = nil, hasHome: Bool = true, isMachine: Bool = false,
        offered: Set<String> = ["2026-11-09", "2026-11-16", "2026-11-23"]
    ) -> HealthPlan {
        HealthPlan(
            key, record, offered: offered, accel: "tcg", asked: asked, hasHome: hasHome, isMachine: isMachine)
    }

    @Test func aNewVersionHasFiveTimesTheLongestStartAndThreeMinutesAtLeast() {
        #expect(Self.plan(Self.record(["2026-11-16"])).judgement == .within(180))
        var record = Self.record(["2026-11-16"], seconds: 41.2)
        record.noteHealthy("2026-11-16", at: .now, seconds: 12, accel: "tcg")
        #expect(Self.plan(record).judgement == .within(206))
        #expect(Self.plan(record, asked: 7, hasHome: false).judgement == .within(7))
    }

    @Test func onlyThoseAreJudgedWhoMayBe() {
        let record = Self.record(["2026-11-16"])
        #expect(Self.plan(record, hasHome: false).judgement == .off)
        #expect(Self.plan(record, asked: 0).judgement == .off)
        #expect(Self.plan(record, asked: 60, isMachine: true).judgement == .machine)
        // It was healthy before.
        #expect(Self.plan(Self.record(["2026-11-16", "2026-11-23"])).judgement == .known)
        // Nobody has seen a login, or only with another accelerator, which is another speed.
        #expect(Self.plan(HealthRecord()).judgement == .noLogin)
        #expect(Self.plan(Self.record(["2026-11-16"], seconds: nil)).judgement == .noLogin)
        #expect(Self.plan(Self.record(["2026-11-16"], accel: "kvm"), asked: 60).judgement == .noLogin)
    }

    @Test func theVersionThatWasHealthyLastFollows() {
        #expect(Self.plan(Self.record(["2026-11-09", "2026-11-16"])).fallback == "2026-11-16")
        // Not the newest of them.
        #expect(Self.plan(Self.record(["2026-11-16", "2026-11-09"])).fallback == "2026-11-09")
        let gone = Self.plan(Self.record(["2026-11-16"]), offered: ["2026-11-23", "2026-11-09"])
        #expect(gone.fallback == nil && gone.hasLostFallback)
        #expect(Self.plan(Self.record(["2026-11-09", "2026-11-16"]), offered: ["2026-11-09"]).fallback == "2026-11-09")
    }

    @Test func whoAskedForItIsToldThatHeDoesNotGetIt() throws {
        let record = Self.record(["2026-11-16"])
        #expect(Self.plan(record).note(asked: nil) == nil && Self.plan(record, asked: 60).note(asked: 60) == nil)
        #expect(Self.plan(HealthRecord()).note(asked: nil) == nil)
        let texts = [
            Self.plan(HealthRecord(), asked: 60).note(asked: 60),
            Self.plan(record, asked: 60, isMachine: true).note(asked: 60),
            Self.plan(record, asked: 60, offered: []).note(asked: 60),
        ]
        #expect(Set(texts.compactMap(\.self)).count == 3)
    }
}
