import Curl

/// What is made of the head of a server's answer to a request for a part of a file.
struct RangeAnswer {
    /// What was asked for. An answer may end before it only where the file does.
    let asked: Range<UInt64>
    /// Bytes of the whole file; nil when nobody knows.
    let size: UInt64?
    /// What the same server said before; nil when it was not asked.
    var known: PinnedURL?
    /// Servers that gave other bytes than were there before.
    var liars: Set<String> = []

    /// - Returns: bytes of the whole file.
    /// - Throws: ``RangeFault``.
    func size(_ head: TransferHead) throws(RangeFault) -> UInt64 {
        if let server = URLText.server(of: head.url), liars.contains(server) {
            throw .wrongAnswer(reason: "it leads to \(server), which has other bytes than came at first")
        }
        let known = known.flatMap { URLText.server(of: $0.url) == URLText.server(of: head.url) ? $0 : nil }
        if let known, let change = known.change(in: head) { throw .changed(what: change) }
        guard head.status == 206 else {
            if let size, head.status == 200, let length = head.length, known != nil, UInt64(length) != size {
                throw .changed(what: "it has \(length) bytes now, and had \(size)")
            }
            throw .noRanges
        }
        if let encoding = head.contentEncoding, encoding.lowercased() != "identity" {
            throw .wrongAnswer(reason: "it is encoded as \(printable(encoding))")
        }
        guard let text = head.contentRange, let range = ContentRange(text) else {
            throw .wrongAnswer(reason: "it does not say which part of the file it is")
        }
        guard let total = range.total else {
            throw .wrongAnswer(reason: "it does not say how long the whole file is")
        }
        if let size, total != size { throw .changed(what: "it has \(total) bytes, not \(size)") }
        guard range.first == asked.lowerBound, range.last == min(asked.upperBound, total) - 1, total > asked.lowerBound
        else {
            throw .wrongAnswer(
                reason: "it has bytes \(range.first) to \(range.last), "
                    + "where \(asked.lowerBound) to \(asked.upperBound - 1) were wanted")
        }
        return total
    }
}

extension PinnedURL {
    /// What an answer says of the server's file.
    init(_ head: TransferHead) {
        self.init(
            url: head.url, reach: head.reach, entityTag: head.entityTag.flatMap(PinnedURL.strong),
            lastModified: head.lastModified)
    }

    /// Nil for a weak tag, which may stand for several files, and for what is none.
    private static func strong(_ tag: String) -> String? {
        let bytes = tag.utf8
        let isTag = bytes.count >= 2 && bytes.first == UInt8(ascii: "\"") && bytes.last == UInt8(ascii: "\"")
        let isPlain = bytes.dropFirst().dropLast().allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\"") }
        return isTag && isPlain ? tag : nil
    }

    /// How the server's file differs from what it was; nil when it does not.
    func change(in head: TransferHead) -> String? {
        if let entityTag, let now = head.entityTag.flatMap(PinnedURL.strong), now != entityTag {
            return "its entity tag is \(now), and was \(entityTag)"
        }
        if let lastModified, let now = head.lastModified, now != lastModified, entityTag == nil {
            return "it is of \(printable(now)), and was of \(printable(lastModified))"
        }
        return nil
    }
}

/// `bytes FIRST-LAST/TOTAL`, RFC 9110 section 14.4.
struct ContentRange: Equatable {
    let first: UInt64
    let last: UInt64
    /// Nil for `*`.
    let total: UInt64?

    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, ends.count == 2, let first = ContentRange.number(ends[0]),
            let last = ContentRange.number(ends[1]), first <= last
        else { return nil }
        (self.first, self.last) = (first, last)
        total = parts[1] == "*" ? nil : ContentRange.number(parts[1])
        guard parts[1] == "*" || total.map({ last < $0 }) == true else { return nil }
    }

    private static func number(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? UInt64(text) : nil
    }
}

/// A server's word as it may be shown.
private func printable(_ text: String) -> String {
    String(decoding: text.utf8.map { $0 >= 32 && $0 < 127 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
}
