import Formats

/// Numbers and times as text of fixed width, so that columns stay where they are while values change.
enum Format {
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
        DurationText.short(seconds: seconds)
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

    /// `03:12:00`, in UTC.
    static func clock(_ seconds: Int64) -> String { CivilTime(seconds: seconds).clock }
}
