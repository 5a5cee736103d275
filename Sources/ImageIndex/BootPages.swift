import Formats
import Linux

/// Pages of an image that follow each other.
package struct PageRun: Sendable, Hashable {
    /// Bytes of a page: what kernels read at least.
    package static let pageSize = 4096
    /// The highest page that is written or read: of an image of 2 to the 62nd bytes.
    package static let highest = 1 << 50

    /// The first page's number: its offset in the image divided by ``pageSize``.
    package let start: Int
    /// Number of pages; more than 0.
    package let count: Int

    /// - Precondition: `start` is not negative, `count` more than 0, and no page above ``highest``.
    package init(start: Int, count: Int) {
        precondition(start >= 0 && count > 0 && start <= PageRun.highest - count, "pages \(start), \(count)")
        (self.start, self.count) = (start, count)
    }

    /// The page after its last.
    package var end: Int { start + count }

    /// The number of pages of an image of so many bytes; the last one may be short.
    package static func pages(ofImage size: UInt64) -> UInt64 {
        size / UInt64(pageSize) + (size.isMultiple(of: UInt64(pageSize)) ? 0 : 1)
    }

    /// The bytes of its pages in an image of so many bytes; none where it lies outside.
    package func bytes(ofImage size: UInt64) -> Range<UInt64> {
        let end = min(UInt64(self.end) * UInt64(PageRun.pageSize), size)
        return min(UInt64(start) * UInt64(PageRun.pageSize), end)..<end
    }

    /// The pages that a piece of the image touches; nil for an empty one, and for what no image has.
    package init?(bytes: Range<UInt64>) {
        guard !bytes.isEmpty, bytes.upperBound <= UInt64(PageRun.highest) * UInt64(PageRun.pageSize) else { return nil }
        let first = Int(bytes.lowerBound / UInt64(PageRun.pageSize))
        self.init(start: first, count: Int((bytes.upperBound - 1) / UInt64(PageRun.pageSize)) - first + 1)
    }

    /// Reads `START COUNT`, each of plain digits; nil for anything else.
    init?(_ words: some Collection<Substring.UTF8View>) {
        let numbers = words.map { TextNumber.value($0) }
        guard numbers.count == 2, let start = numbers[0], let count = numbers[1], count > 0,
            start <= PageRun.highest, count <= PageRun.highest - start
        else { return nil }
        self.init(start: start, count: count)
    }
}

/// The pages that a start reads, in the order of their first read; a `.pages` file.
///
/// A text: `oscircular-pages 1`, then `START COUNT` a line: a run of pages.
package struct BootPages: Sendable, Equatable {
    /// No page twice; at most ``mostRuns`` and ``mostPages``.
    package private(set) var runs: [PageRun] = []
    private var seen = PageSet()

    private static let header = "oscircular-pages 1"
    /// The most runs.
    package static let mostRuns = 262_144
    /// The most pages: 16 GiB.
    package static let mostPages = 4 << 20
    /// Bytes of the longest file.
    package static let longestFile = 64 + mostRuns * 36

    package init() {}

    /// - Parameter runs: by first read; pages that repeat, and what lies past the bounds, are left out.
    package init(_ runs: some Sequence<PageRun>) {
        for run in runs { add(run) }
    }

    package static func == (left: BootPages, right: BootPages) -> Bool { left.runs == right.runs }

    /// Number of pages.
    package var count: Int { seen.count }

    package func contains(_ page: Int) -> Bool { seen.contains(page) }

    /// Adds the pages of a read that are not there yet. What lies past the bounds is left out.
    package mutating func add(_ run: PageRun) {
        for page in run.start..<run.end {
            guard seen.count < BootPages.mostPages else { return }
            if seen.contains(page) { continue }
            if let last = runs.last, last.end == page {
                runs[runs.count - 1] = PageRun(start: last.start, count: last.count + 1)
            } else {
                guard runs.count < BootPages.mostRuns else { return }
                runs.append(PageRun(start: page, count: 1))
            }
            seen.insert(page)
        }
    }

    /// These pages, then those of `later` that are not among them.
    package func union(_ later: BootPages) -> BootPages {
        var all = self
        for run in later.runs { all.add(run) }
        return all
    }

    /// Reads a file's text.
    /// - Throws: ``ImageIndexError/malformed(reason:)``: another header, a line that is not a run, too much of anything.
    package init(text: String) throws(ImageIndexError) {
        var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), Substring(first) == BootPages.header else {
            throw .malformed(reason: "a list of a start's pages begins with '\(BootPages.header)'")
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard lines.count <= BootPages.mostRuns else {
            throw .malformed(reason: "a list of a start's pages of more than \(BootPages.mostRuns) lines")
        }
        var pages = 0
        for (number, line) in lines.enumerated() {
            guard let run = PageRun(line.split(separator: 32, omittingEmptySubsequences: false)) else {
                throw .malformed(reason: "line \(number + 2) of a list of a start's pages is not two numbers")
            }
            guard run.count <= BootPages.mostPages - pages else {
                throw .malformed(reason: "a list of a start's pages of more than \(BootPages.mostPages) pages")
            }
            pages += run.count
            add(run)
        }
    }

    /// Reads a file.
    /// - Throws: ``ImageIndexError``.
    package init(path: String) throws(ImageIndexError) {
        let text: String
        do {
            text = try FileContents.readText(path, limit: BootPages.longestFile)
        } catch {
            throw .file(error)
        }
        try self.init(text: text)
    }

    /// The file's text.
    package var text: String {
        var text = BootPages.header + "\n"
        for run in runs { text += "\(run.start) \(run.count)\n" }
        return text
    }
}

/// Numbers of pages, 64 to a word, however far apart they lie.
struct PageSet: Sendable {
    private var words: [Int: UInt64] = [:]
    private(set) var count = 0

    func contains(_ page: Int) -> Bool { (words[page >> 6] ?? 0) & (1 << UInt64(page & 63)) != 0 }

    mutating func insert(_ page: Int) {
        let before = words[page >> 6] ?? 0
        let after = before | (1 << UInt64(page & 63))
        if after != before {
            words[page >> 6] = after
            count += 1
        }
    }
}

/// Numbers in the texts of starts.
enum TextNumber {
    /// Plain digits, at most 18 and without a zero before others; nil for anything else.
    static func value(_ digits: some Collection<UInt8>) -> Int? {
        guard (1...18).contains(digits.count), digits.allSatisfy(DecimalDigits.range.contains),
            digits.count == 1 || digits.first != DecimalDigits.range.lowerBound
        else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - DecimalDigits.range.lowerBound) }
    }
}
