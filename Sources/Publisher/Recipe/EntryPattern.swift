import Catalog

/// The form of a name in a folder of upstream's: plain text with `{date}` (YYYYMMDD or YYYY-MM-DD) and `{number}` in it, and at most one
/// `{serial}`, an optional `.N`.
package struct EntryPattern: Sendable, Equatable {
    private enum Part: Sendable, Equatable {
        case text(String)
        case date, number, serial
    }

    private let parts: [Part]

    /// A name that fits.
    package struct Match: Sendable, Equatable, Comparable {
        package let name: String
        /// The name as a part of URLs, where the two differ.
        fileprivate(set) var urlText: String?
        /// The day in the name, and its other numbers in order.
        package let date: CalendarDate?
        package let numbers: [Int]
        /// The texts that stood for the placeholders, by name; the last of each.
        let texts: [String: String]

        package static func < (left: Match, right: Match) -> Bool {
            if let earlier = left.date, let later = right.date, earlier != later { return earlier < later }
            if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
            return left.name < right.name
        }

        /// A part of a URL with `{entry}`, `{date}`, `{number}` and `{serial}` in it, with what they stand for.
        func fill(_ template: String) -> String {
            var filled = template
            for (name, text) in texts {
                filled = filled.split(separator: "{\(name)}", omittingEmptySubsequences: false).joined(separator: text)
            }
            return filled.split(separator: "{entry}", omittingEmptySubsequences: false).joined(
                separator: urlText ?? name)
        }
    }

    /// nil for an empty pattern, two dates, or braces that mean nothing.
    package init?(_ text: String) {
        var parts: [Part] = []
        var rest = text[...]
        while !rest.isEmpty {
            if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { return nil }
                switch rest[rest.index(after: rest.startIndex)..<end] {
                case "date": parts.append(.date)
                case "number": parts.append(.number)
                case "serial": parts.append(.serial)
                default: return nil
                }
                rest = rest[rest.index(after: end)...]
            } else {
                let plain = rest.prefix { $0 != "{" }
                parts.append(.text(String(plain)))
                rest = rest[plain.endIndex...]
            }
        }
        guard !parts.isEmpty, parts.filter({ $0 == .date }).count <= 1 else { return nil }
        self.parts = parts
    }

    /// nil when the name does not fit.
    package func match(_ name: String) -> Match? {
        var rest = name[...]
        var (date, numbers, texts): (CalendarDate?, [Int], [String: String]) = (nil, [], [:])
        for part in parts {
            switch part {
            case .text(let text):
                guard rest.hasPrefix(text) else { return nil }
                rest = rest.dropFirst(text.count)
            case .date:
                let taken = rest.prefix { $0.isASCII && ($0.isNumber || $0 == "-") }.prefix(10)
                guard let (day, text) = EntryPattern.day(taken) else { return nil }
                (date, texts["date"]) = (day, text)
                rest = rest.dropFirst(text.count)
            case .number:
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard let number = Int(digits) else { return nil }
                numbers.append(number)
                texts["number"] = String(digits)
                rest = rest.dropFirst(digits.count)
            case .serial:
                texts["serial"] = ""
                guard rest.first == "." else {
                    numbers.append(0)
                    continue
                }
                let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
                guard let number = Int(digits) else { return nil }
                numbers.append(number)
                texts["serial"] = ".\(digits)"
                rest = rest.dropFirst(digits.count + 1)
            }
        }
        return rest.isEmpty ? Match(name: name, urlText: nil, date: date, numbers: numbers, texts: texts) : nil
    }

    private static func day(_ text: Substring) -> (CalendarDate, String)? {
        if let day = CalendarDate(String(text)) { return (day, String(text)) }
        let digits = String(text.prefix(8))
        guard digits.utf8.count == 8, !digits.contains("-") else { return nil }
        let spelled = "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))"
        return CalendarDate(spelled).map { ($0, digits) }
    }

    /// The newest of names that fit; nil when none does.
    ///
    /// A recipe may have the name as it is written in URLs, too.
    package func newest(of names: some Sequence<UpstreamPage.Name>) -> Match? {
        var newest: Match?
        for name in names {
            var found = match(name.text)
            found?.urlText = name.urlText
            if found == nil, name.urlText != name.text {
                found = match(name.urlText)
                found?.urlText = name.urlText
            }
            guard let found else { continue }
            if newest.map({ $0 < found }) ?? true { newest = found }
        }
        return newest
    }
}
