import ContentAddress
import Formats
import Linux

extension BootPack {
    /// What is written and read at most.
    package enum Bounds {
        /// Bytes of a file.
        package static let file = 4 << 20
        /// Runs of pages.
        package static let runs = 262_144
        /// Pages: 16 GiB.
        package static let pages = 4 << 20
        /// Pieces.
        package static let pieces = 16_384
        /// Bytes of a piece.
        package static let piece = 4 << 20

        /// Whether a text may be a version's id.
        static func isPlain(version: String) -> Bool {
            (1...32).contains(version.utf8.count)
                && version.utf8.allSatisfy { DecimalDigits.range.contains($0) || $0 == 45 || $0 == 46 }
        }

        /// Where pieces begin, once they are seen to be as long as the pages and to cut none.
        /// - Parameters:
        ///   - size: bytes of the pages.
        ///   - short: where the image's last page lies in the pack; nil where it is not in it or a whole one.
        ///   - lastLength: bytes of the image's last page.
        static func starts(
            of pieces: [Piece], size: Int, short: Int?, lastLength: Int
        ) throws(ImageIndexError) -> [Int] {
            var starts: [Int] = []
            starts.reserveCapacity(pieces.count)
            var next = 0
            for piece in pieces {
                // What does not become smaller is stored with a little around it.
                guard (1...Bounds.piece).contains(piece.length), piece.storedSize > 0,
                    piece.storedSize <= piece.length + piece.length / 64 + 1024
                else { throw .malformed(reason: "piece \(starts.count + 1) of a boot pack has an impossible length") }
                var rest = 0
                if let short, short >= next, short < next + piece.length { rest = lastLength }
                guard piece.length % PageRun.pageSize == rest else {
                    throw .malformed(reason: "piece \(starts.count + 1) of a boot pack ends within a page")
                }
                starts.append(next)
                next += piece.length
            }
            guard next == size else {
                throw .malformed(reason: "the pieces of a boot pack have \(next) bytes, its pages \(size)")
            }
            return starts
        }
    }

    private static let header = "oscircular-bootpack 1"

    /// Reads a file's text.
    /// - Throws: ``ImageIndexError/malformed(reason:)``.
    package init(text: String) throws(ImageIndexError) {
        guard text.utf8.count <= Bounds.file else {
            throw .malformed(reason: "a boot pack's list of more than \(Bounds.file) bytes")
        }
        var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false)[...]
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard let first = lines.popFirst(), Substring(first) == BootPack.header else {
            throw .malformed(reason: "a boot pack begins with '\(BootPack.header)'")
        }
        var number = 1
        // The words of the next line that begins with this one, without it; nil where the next line is of another kind.
        func take(_ kind: String, _ count: Int) throws(ImageIndexError) -> [Substring.UTF8View]? {
            guard let line = lines.first else { return nil }
            let words = line.split(separator: 32, maxSplits: count + 1, omittingEmptySubsequences: false)
            guard let word = words.first, Substring(word) == kind else { return nil }
            number += 1
            lines.removeFirst()
            guard words.count == count + 1 else {
                throw .malformed(reason: "line \(number) of a boot pack has not \(count + 1) words")
            }
            return Array(words.dropFirst())
        }
        func malformed() -> ImageIndexError { .malformed(reason: "line \(number) of a boot pack is malformed") }

        guard let words = try take("index", 2), let digest = BlockID(hex: Substring(words[0])),
            let size = TextNumber.value(words[1]), size > 0, size <= PageRun.highest * PageRun.pageSize
        else { throw .malformed(reason: "a boot pack's second line names the index that it is of") }
        guard let page = try take("page-size", 1), TextNumber.value(page[0]) == PageRun.pageSize else {
            throw .malformed(reason: "a boot pack's third line says that a page has \(PageRun.pageSize) bytes")
        }
        var basis: Basis?
        if let words = try take("basis", 2) {
            guard let id = BlockID(hex: Substring(words[1])) else { throw malformed() }
            basis = Basis(version: String(Substring(words[0])), index: FileDigest(id: id))
        }
        var runs: [PageRun] = []
        while let words = try take("pages", 2) {
            guard let run = PageRun(words), runs.count < Bounds.runs else { throw malformed() }
            runs.append(run)
        }
        var pieces: [Piece] = []
        while let words = try take("piece", 3) {
            guard let id = BlockID(hex: Substring(words[0])), let length = TextNumber.value(words[1]),
                length <= Bounds.piece, let stored = TextNumber.value(words[2]), stored <= 2 * Bounds.piece,
                pieces.count < Bounds.pieces
            else { throw malformed() }
            pieces.append(Piece(id: id, length: length, storedSize: stored))
        }
        guard lines.isEmpty else { throw .malformed(reason: "line \(number + 1) of a boot pack is not understood") }
        try self.init(
            index: FileDigest(id: digest), imageSize: UInt64(size), basis: basis, runs: runs, pieces: pieces)
    }

    /// Reads a file.
    /// - Throws: ``ImageIndexError``.
    package init(path: String) throws(ImageIndexError) {
        let text: String
        do {
            text = try FileContents.readText(path, limit: Bounds.file)
        } catch {
            throw .file(error)
        }
        try self.init(text: text)
    }

    /// The line that names a run of pages.
    package static func line(of run: PageRun) -> String { "pages \(run.start) \(run.count)\n" }

    /// The file's text.
    package var text: String {
        var text = "\(BootPack.header)\nindex \(index.hex) \(imageSize)\npage-size \(PageRun.pageSize)\n"
        if let basis { text += "basis \(basis.version) \(basis.index.hex)\n" }
        for run in runs { text += BootPack.line(of: run) }
        for piece in pieces { text += "piece \(piece.id.hex) \(piece.length) \(piece.storedSize)\n" }
        return text
    }
}
