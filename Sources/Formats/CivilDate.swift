/// A day of the Gregorian calendar, also of the years before it was introduced.
package struct CivilDate: Sendable, Hashable, Comparable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    /// 1 to 31.
    package let day: Int

    /// Nil when there is no such day.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...12).contains(month), day >= 1, day <= CivilDate.days(in: month, of: year) else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    // Both conversions: Howard Hinnant, "chrono-compatible low-level date algorithms" (days_from_civil, civil_from_days).
    // March is the first month there, so that the leap day is the year's last.

    /// - Parameter dayNumber: days since 1970-01-01.
    package init(dayNumber: Int64) {
        let shifted = dayNumber + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    package var dayNumber: Int64 {
        let marchYear = Int64(month <= 2 ? year - 1 : year)
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        default: 31
        }
    }

    package static func < (left: CivilDate, right: CivilDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }
}

extension CivilDate: CustomStringConvertible {
    /// Reads exactly `YYYY-MM-DD`; nil for anything else, and for days that no month has.
    package init?(_ text: String) { self.init(Array(text.utf8)[...]) }

    /// As ``init(_:)``, from ASCII.
    package init?(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = DecimalDigits.value(bytes[0..<4]), let month = DecimalDigits.value(bytes[5..<7]),
            let day = DecimalDigits.value(bytes[8..<10])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// `2026-11-16`.
    package var description: String {
        "\(DecimalDigits.padded(year, width: 4))-\(DecimalDigits.padded(month, width: 2))-\(DecimalDigits.padded(day, width: 2))"
    }
}

/// A moment to the second as calendar and clock show it in UTC.
package struct CivilTime: Sendable, Hashable {
    package let date: CivilDate
    /// Of the day, 0 to 86,399.
    private let secondOfDay: Int

    /// - Parameter seconds: since 1970, leap seconds not counted; negative before.
    package init(seconds: Int64) {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        date = CivilDate(dayNumber: day)
        secondOfDay = Int(seconds - day * 86_400)
    }

    /// Seconds since 1970.
    package var seconds: Int64 { date.dayNumber * 86_400 + Int64(secondOfDay) }

    package var hour: Int { secondOfDay / 3600 }
    package var minute: Int { secondOfDay / 60 % 60 }
    package var second: Int { secondOfDay % 60 }

    /// `03:12:00`.
    package var clock: String {
        [hour, minute, second].map { DecimalDigits.padded($0, width: 2) }.joined(separator: ":")
    }

    /// `20261116` and `20261116T031200Z`: ISO 8601's basic format.
    package var basic: (date: String, instant: String) {
        let day = date.description.filter { $0 != "-" }
        return (day, "\(day)T\(clock.filter { $0 != ":" })Z")
    }
}

extension CivilTime: CustomStringConvertible {
    /// Reads exactly `YYYY-MM-DDTHH:MM:SSZ`; nil for anything else, and for days that no month has.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 20, let date = CivilDate(bytes[..<10]), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"), bytes[19] == UInt8(ascii: "Z"),
            let hour = DecimalDigits.value(bytes[11..<13]), hour < 24,
            let minute = DecimalDigits.value(bytes[14..<16]), minute < 60,
            let second = DecimalDigits.value(bytes[17..<19]), second < 60
        else { return nil }
        self.date = date
        secondOfDay = hour * 3600 + minute * 60 + second
    }

    /// `2026-11-16T03:12:00Z`, RFC 3339.
    package var description: String { "\(date)T\(clock)Z" }
}
