import Boot

/// Numbers and times in words of fixed width, so that columns stay where they are while values change.
enum Words {
    /// `84 MB`.
    static func bytes(_ count: UInt64) -> String { ByteCount.text(count) }

    /// `9.1 MB/s`; empty for none.
    static func rate(_ bytes: UInt64) -> String { bytes == 0 ? "" : ByteCount.text(bytes) + "/s" }

    /// `6d`, `13d`, `5mo`, `2y`: how long ago, four cells at most.
    static func age(_ then: Int64, now: Int64) -> String {
        let days = (now - then) / 86_400
        switch days {
        case ..<0: return "new"
        case 0: return "today"
        case ..<100: return "\(days)d"
        case ..<730: return "\(days / 30)mo"
        default: return "\(min(days / 365, 999))y"
        }
    }

    /// `12 s`, `2 min`, `3 h`, `4 d`: how long something lasts.
    static func duration(_ seconds: Int64) -> String {
        switch max(0, seconds) {
        case ..<60: "\(max(0, seconds)) s"
        case ..<5400: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// `about 3 s`; empty where it cannot be told.
    static func remaining(_ bytes: UInt64, rate: UInt64) -> String {
        rate == 0 || bytes == 0 ? "" : "about \(duration(Int64(clamping: bytes / rate + 1)))"
    }

    /// `4,800`.
    static func count(_ number: Int) -> String {
        var digits = String(number)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    /// `1 guest`, `2 guests`.
    static func several(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count(number)) \(number == 1 ? one : many ?? one + "s")"
    }

    /// `2026-11-16`, in UTC.
    static func date(_ seconds: Int64) -> String {
        let (year, month, day) = civil(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    /// `03:12:00`, in UTC.
    static func clock(_ seconds: Int64) -> String {
        let day = ((seconds % 86_400) + 86_400) % 86_400
        return "\(padded(Int(day / 3600), 2)):\(padded(Int(day / 60 % 60), 2)):\(padded(Int(day % 60), 2))"
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    // Howard Hinnant, "chrono-compatible low-level date algorithms" (civil_from_days).
    private static func civil(_ dayNumber: Int64) -> (Int, Int, Int) {
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        return (
            Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        )
    }
}
