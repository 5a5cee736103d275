import Formats

/// The form of a name in a folder of upstream's: plain text with `{date}` (YYYYMMDD, YYYY-MM-DD or YYYY.MM.DD), `{number}` and `{word}`
/// (letters and digits) in it, and at most one `{serial}`, an optional `.N`.
package struct EntryPattern: Sendable, Hashable {
    private enum Part: Sendable, Hashable {
        case text(String)
        case date, number, serial, word
    }

    private let parts: [Part]

    /// A name that fits.
    package struct Match: Sendable, Equatable, Comparable {
        package let name: String
        /// The name as a part of URLs, where the two differ.
        fileprivate(set) var urlText: String?
        /// The day in the name, and its other numbers in order.
        package let date: CivilDate?
        package let numbers: [Int]
        /// The name from the first placeholder to the last: what differs between builds.
        package let build: String
        /// What `{serial}` stood for, 0 where that was nothing; nil where the pattern has none.
        package let serial: Int?
        /// The texts that stood for the placeholders, by name (the last of each) and by number, from 1.
        package let texts: [String: String]

        package static func < (left: Match, right: Match) -> Bool {
            if let earlier = left.date, let later = right.date, earlier != later { return earlier < later }
            if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
            return left.name < right.name
        }

        /// A part of a URL with `{entry}`, `{date}`, `{number}`, `{serial}`, `{word}` and `{1}` in it, with what they stand for.
        package func fill(_ template: String) -> String {
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
                case "word": parts.append(.word)
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
        var (date, numbers, texts): (CivilDate?, [Int], [String: String]) = (nil, [], [:])
        var serial: Int?
        var position = 0
        var (start, end): (String.Index?, String.Index) = (nil, name.endIndex)
        func note(_ name: String, _ text: Substring) {
            position += 1
            start = start ?? text.startIndex
            end = text.endIndex
            texts[name] = String(text)
            texts["\(position)"] = String(text)
        }
        for part in parts {
            switch part {
            case .text(let text):
                guard rest.hasPrefix(text) else { return nil }
                rest = rest.dropFirst(text.count)
            case .date:
                let taken = rest.prefix { $0.isASCII && ($0.isNumber || $0 == "-" || $0 == ".") }.prefix(10)
                guard let (day, text) = EntryPattern.day(taken) else { return nil }
                date = day
                note("date", rest.prefix(text.count))
                rest = rest.dropFirst(text.count)
            case .number:
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard let number = Int(digits) else { return nil }
                numbers.append(number)
                note("number", digits)
                rest = rest.dropFirst(digits.count)
            case .serial:
                let digits = rest.first == "." ? rest.dropFirst().prefix { $0.isASCII && $0.isNumber } : ""
                // A point before something else, as in ".iso", belongs to the text behind.
                guard let number = Int(digits) else {
                    note("serial", rest.prefix(0))
                    serial = 0
                    numbers.append(0)
                    continue
                }
                numbers.append(number)
                serial = number
                note("serial", rest.prefix(digits.count + 1))
                rest = rest.dropFirst(digits.count + 1)
            case .word:
                let word = rest.prefix { $0.isASCII && ($0.isNumber || $0.isLetter) }
                guard !word.isEmpty else { return nil }
                note("word", word)
                rest = rest.dropFirst(word.count)
            }
        }
        return rest.isEmpty
            ? Match(
                name: name, urlText: nil, date: date, numbers: numbers,
                build: start.map { String(name[$0..<end]) } ?? name, serial: serial, texts: texts) : nil
    }

    private static func day(_ text: Substring) -> (CivilDate, String)? {
        for mark in ["-", "."] as [Character] {
            let spelled = String(text.map { $0 == mark ? "-" : $0 == "-" ? " " : $0 })
            if let day = CivilDate(spelled), day.year >= 1970 { return (day, String(text)) }
        }
        let digits = String(text.prefix(8))
        guard digits.utf8.count == 8, digits.allSatisfy(\.isNumber) else { return nil }
        let spelled = "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))"
        guard let day = CivilDate(spelled), day.year >= 1970 else { return nil }
        return (day, digits)
    }

    /// The newest of names that fit; nil when none does.
    package func newest(of names: some Sequence<UpstreamPage.Name>) -> Match? { matches(of: names).max() }

    /// Those of the names that fit, in their order.
    ///
    /// A recipe may have the name as it is written in URLs, too.
    package func matches(of names: some Sequence<UpstreamPage.Name>) -> [Match] {
        names.compactMap { name in
            var found = match(name.text)
            if found == nil, name.urlText != name.text { found = match(name.urlText) }
            found?.urlText = name.urlText
            return found
        }
    }
}
