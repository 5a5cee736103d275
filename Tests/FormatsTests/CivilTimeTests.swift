import Formats
import Glibc
import Testing

@Suite struct CivilTimeTests {
    /// What the C library makes of a moment.
    private func reference(_ seconds: Int) -> String {
        var (moment, parts) = (time_t(seconds), tm())
        gmtime_r(&moment, &parts)
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }

    @Test func calendarAgreesWithTheCLibrary() {
        // Every 11.3 days or so from 1900 to 2250, all times of day, both sides of 1970.
        for seconds in stride(from: -2_208_988_800, to: 8_835_000_000, by: 976_543) {
            let time = CivilTime(seconds: Int64(seconds))
            #expect(time.description == reference(seconds))
            #expect(time.seconds == Int64(seconds))
            #expect(CivilTime(time.description) == time)
        }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_868_799, "2000-02-29T23:59:59Z"),
        (1_794_798_720, "2026-11-16T03:12:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
    ])
    func momentsOfNote(_ seconds: Int, _ text: String) {
        #expect(CivilTime(seconds: Int64(seconds)).description == text)
        #expect(CivilTime(text)?.seconds == Int64(seconds))
    }

    @Test(arguments: [
        "2026-11-16T03:12:00", "2026-11-16 03:12:00Z", "2026-11-16t03:12:00Z", "2026-11-16T24:00:00Z",
        "2026-11-16T03:60:00Z", "2026-11-16T03:12:60Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "+026-11-16T03:12:00Z", "2026-11-16T03:12:00.5Z",
        "2026-11-16T03:12:00+00:00", "", "2100-02-29T00:00:00Z",
    ])
    func anythingElseIsRefused(_ text: String) { #expect(CivilTime(text) == nil) }

    @Test func basicFormatAndClock() {
        let time = CivilTime(seconds: 1_369_353_600)
        #expect(time.basic.date == "20130524")
        #expect(time.basic.instant == "20130524T000000Z")
        #expect(CivilTime(seconds: -1).clock == "23:59:59")
        #expect((CivilTime(seconds: 11_529).hour, CivilTime(seconds: 11_529).minute) == (3, 12))
    }

    @Test func daysAreInOrder() {
        var before = CivilDate(dayNumber: -800_000)
        for number in Int64(-799_999)...(-790_000) {
            let date = CivilDate(dayNumber: number)
            #expect(before < date && date.dayNumber == number)
            before = date
        }
        #expect(CivilDate("2024-02-29")?.dayNumber == 19_782)
        #expect(CivilDate(year: 2023, month: 2, day: 29) == nil)
    }
}
