import Catalog
import Testing

@Suite struct TimeAndVersionTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:34:56Z", 951_827_696),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] as [(String, Int64)])
    func timesGoThereAndBack(text: String, seconds: Int64) {
        #expect(Timestamp(text)?.seconds == seconds)
        #expect(Timestamp(seconds: seconds).description == text)
    }

    @Test func fractionsAreDroppedAndOffsetsCountedIn() {
        let time = Timestamp("2026-11-16T03:12:00Z")
        #expect(time != nil)
        #expect(Timestamp("2026-11-16T03:12:00.987654321Z") == time)
        #expect(Timestamp("2026-11-16T04:12:00+01:00") == time)
        #expect(Timestamp("2026-11-15T23:42:00.5-03:30") == time)
    }

    @Test(arguments: [
        "", "2026-11-16", "2026-11-16T03:12Z", "2026-11-16T03:12:00", "2026-11-16 03:12:00Z", "2026-11-16T24:00:00Z",
        "2026-11-16T03:60:00Z", "2026-11-16T03:12:61Z", "2026-13-01T00:00:00Z", "2026-11-16T03:12:00.Z",
        "2026-11-16T03:12:00+1:00", "2026-11-16T03:12:00ZZ", "１９７０-01-01T00:00:00Z", "+026-11-16T03:12:00Z",
    ])
    func otherTextsAreNoTimes(text: String) { #expect(Timestamp(text) == nil) }

    @Test func everyDayOfFourHundredYearsGoesThereAndBack() {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        var expected: Int64 = 0
        for year in 1970..<2370 {
            for month in 1...12 {
                for day in 1...31 {
                    let text = "\(year)-\(two(month))-\(two(day))"
                    guard let date = CalendarDate(text) else { continue }
                    guard Timestamp(date).seconds == expected,
                        Timestamp(seconds: expected + 86_399).description == "\(text)T23:59:59Z"
                    else {
                        Issue.record("\(text)")
                        return
                    }
                    expected += 86_400
                }
            }
        }
        // 400 Gregorian years have 146,097 days.
        #expect(expected == 146_097 * 86_400)
    }

    @Test func versionsOrderByDayThenNumber() {
        let texts = ["2026-11-16.10", "2025-12-31", "2026-11-16", "2026-11-17", "2026-11-16.9", "2026-11-16.1"]
        #expect(
            texts.compactMap { VersionID($0) }.sorted(by: >).map(\.text) == [
                "2026-11-17", "2026-11-16.10", "2026-11-16.9", "2026-11-16.1", "2026-11-16", "2025-12-31",
            ])
    }

    @Test(arguments: [
        "", "2026", "2026-1-1", "2026-11-16-1", "2026-11-16.", "2026-11-16.-1", "2026-11-16.1.2",
        "2026-11-16.1234567890",
        "2026-02-29", "../2026-11-16",
    ])
    func otherTextsAreNoVersions(text: String) { #expect(VersionID(text) == nil) }

    @Test func distributionIDsAreShortAndPlain() {
        for good in ["a", "0", "debian", "a.b_c-d", String(repeating: "a", count: 64)] {
            #expect(Distribution.isValid(id: good))
        }
        for bad in ["", "-a", ".a", "_a", "A", "a b", "a/b", "ä", "a\n", String(repeating: "a", count: 65)] {
            #expect(!Distribution.isValid(id: bad))
        }
    }

    @Test func aVersionsSettingsGoOverItsDistributions() {
        let base = GuestSettings(memoryMiB: 512, cpus: 1, login: "root")
        #expect(
            GuestSettings(memoryMiB: 1024, media: .cdrom).merged(over: base)
                == GuestSettings(memoryMiB: 1024, cpus: 1, media: .cdrom, login: "root"))
        #expect(GuestSettings(adapter: .vga).merged(over: GuestSettings(adapter: .absent)).adapter == .vga)
        #expect(GuestSettings().merged(over: GuestSettings(adapter: .absent)).adapter == .absent)
    }
}
