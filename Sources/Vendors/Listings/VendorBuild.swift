import Catalog
import Curl
import Formats
import Upstream

/// A build that a vendor's listing has.
package struct VendorBuild: Sendable, Hashable, Codable {
    /// The vendor's own name of it: `20260911`, `44-1.7`.
    package var name: String
    package var url: String
    /// The day in its name, or else that of the listing; nil where neither has one.
    package var day: CalendarDate?
    /// Whether the name says that it is the day's N-th build after the first; nil where names have no such number.
    package var serial: Int?
    /// The numbers in its name: later builds have greater ones.
    package var numbers: [Int]
    /// Bytes of the file.
    package var size: UInt64?
    /// `sha256:HEX` or `sha512:HEX`
    package var digest: String?
    /// What the placeholders stood for, for names of files beside it.
    package var texts: [String: String] = [:]

    /// The file's name.
    package var fileName: String { URLText.fileName(of: url) }

    /// Older before newer.
    static func isOlder(_ left: VendorBuild, _ right: VendorBuild) -> Bool {
        if let earlier = left.day, let later = right.day, earlier != later { return earlier < later }
        if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
        return left.name < right.name
    }

    /// - Parameter modified: the listing's day of the file's last change.
    init(
        _ match: EntryPattern.Match, url: String, modified: CivilDate? = nil, size: UInt64? = nil, digest: String? = nil
    ) {
        name = match.build
        self.url = url
        day = (match.date ?? modified).map { CalendarDate(dayNumber: $0.dayNumber) }
        // Without a day it counts nothing.
        serial = match.date == nil ? nil : match.serial
        numbers = match.numbers
        self.size = size
        self.digest = digest
        texts = match.texts
        texts["entry"] = match.name
    }

    init(name: String, url: String, day: CalendarDate?, size: UInt64? = nil) {
        (self.name, self.url, self.day, self.size) = (name, url, day, size)
        numbers = []
        texts["entry"] = name
    }

    /// Whether both are one build, whatever they are called.
    func isSame(as other: VendorBuild) -> Bool { url == other.url && day == other.day && size == other.size }

    /// A name of a file beside it, filled in, as a URL.
    /// - Parameters:
    ///   - template: a name, a path or a URL with placeholders.
    ///   - more: further placeholders.
    func url(beside place: String, _ template: String, _ more: [String: String] = [:]) -> String {
        URLReference.resolve(VendorBuild.fill(template, texts.merging(more, uniquingKeysWith: { $1 })), against: place)
    }

    /// The build under the name that the table gives it: never an empty one.
    /// - Parameter template: nil for the name that it has.
    func named(_ template: String?) -> VendorBuild {
        var build = self
        if let template { build.name = VendorBuild.fill(template, texts) }
        if build.name.isEmpty { build.name = texts["entry"] ?? fileName }
        return build
    }

    /// Whether a text has a placeholder, and none that means nothing.
    static func isTemplate(_ text: String) -> Bool {
        // By hand: a regular expression is compiled at each use, and a list reads hundreds of rows.
        let parts = text.split(separator: "{", omittingEmptySubsequences: false)
        guard parts.count > 1, !parts[0].contains("}") else { return false }
        return parts.dropFirst().allSatisfy { part in
            let pieces = part.split(separator: "}", omittingEmptySubsequences: false)
            return pieces.count == 2 && placeholders.contains(pieces[0])
        }
    }

    private static let placeholders: Set<Substring> = Set(
        ["entry", "date", "number", "serial", "word"] + (1...9).map { Substring("\($0)") })

    private static func fill(_ template: String, _ texts: [String: String]) -> String {
        var filled = template
        for (name, text) in texts {
            filled = filled.split(separator: "{\(name)}", omittingEmptySubsequences: false).joined(separator: text)
        }
        return filled
    }
}

/// What is wrong with a listing that came: a phrase for people.
struct ListingFault: Error, Sendable {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
