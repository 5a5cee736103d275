import ContentAddress
import Linux

/// The pages that a start of a version reads, in the order of their first read, as pieces that are compressed hard; a `.bootpack` file.
///
/// The file says which pages they are and how the pieces are called; the pieces are blocks of the publisher's store, whose ids are
/// the digests of their bytes. It is a signed target, so a page of a pack is as good as its publisher's signature. See decision 0106.
package struct BootPack: Sendable, Equatable {
    /// The older version against which a pack was made: it holds no page of a block that the basis has.
    package struct Basis: Sendable, Hashable {
        /// The version's id: `2026-11-09`.
        package let version: String
        /// Of the version's index file.
        package let index: FileDigest

        package init(version: String, index: FileDigest) { (self.version, self.index) = (version, index) }
    }

    /// A part of the pack, which is a block of the publisher's store.
    package struct Piece: Sendable, Hashable {
        /// The digest of its bytes, by the algorithm of the image's index.
        package let id: BlockID
        /// Bytes uncompressed.
        package let length: Int
        /// Bytes as they lie in the store, and travel.
        package let storedSize: Int

        package init(id: BlockID, length: Int, storedSize: Int) {
            (self.id, self.length, self.storedSize) = (id, length, storedSize)
        }
    }

    /// Where bytes of the image lie in the pack.
    package struct Part: Sendable, Hashable {
        /// The piece's number, from 0.
        package let piece: Int
        /// The bytes within the piece.
        package let range: Range<Int>

        package init(piece: Int, range: Range<Int>) { (self.piece, self.range) = (piece, range) }
    }

    /// A run of pages and where it lies in the pack.
    private struct Place: Sendable, Hashable {
        let run: PageRun
        /// Of its first byte in the pack.
        let offset: Int
    }

    /// The SHA-256 of the index file of the version that it is a pack of.
    package let index: FileDigest
    /// Bytes of the image.
    package let imageSize: UInt64
    /// nil for a pack of all pages.
    package let basis: Basis?
    /// In the pack's order; no page twice, none outside the image.
    package let runs: [PageRun]
    /// In order; one after the other they are the pages.
    package let pieces: [Piece]
    /// Number of pages.
    package let pageCount: Int
    /// Bytes of the pages.
    package let size: Int
    /// Where each piece begins in the pack.
    private let starts: [Int]
    /// Where each run begins in the pack.
    private let offsets: [Int]
    /// By page.
    private let places: [Place]

    /// - Throws: ``ImageIndexError/malformed(reason:)``: anything out of bounds, a page twice or outside the image, pieces that are not
    ///   as long as the pages or that cut a page.
    package init(
        index: FileDigest, imageSize: UInt64, basis: Basis? = nil, runs: [PageRun], pieces: [Piece]
    ) throws(ImageIndexError) {
        (self.index, self.imageSize, self.basis, self.runs, self.pieces) = (index, imageSize, basis, runs, pieces)
        guard (1...Bounds.runs).contains(runs.count) else {
            throw .malformed(reason: "a boot pack has 1 to \(Bounds.runs) runs of pages, not \(runs.count)")
        }
        guard (1...Bounds.pieces).contains(pieces.count) else {
            throw .malformed(reason: "a boot pack has 1 to \(Bounds.pieces) pieces, not \(pieces.count)")
        }
        if let basis, !Bounds.isPlain(version: basis.version) {
            throw .malformed(reason: "a boot pack's basis is not named as a version is")
        }
        guard (1...(UInt64(PageRun.highest) * UInt64(PageRun.pageSize))).contains(imageSize) else {
            throw .malformed(reason: "a boot pack of an image of \(imageSize) bytes")
        }
        let pagesOfImage = PageRun.pages(ofImage: imageSize)
        let lastLength = PageRun.pageSize - Int(pagesOfImage * UInt64(PageRun.pageSize) - imageSize)
        var (pages, size) = (0, 0)
        var places: [Place] = []
        places.reserveCapacity(runs.count)
        // Where the image's last page lies in the pack if it is a short one.
        var short: Int?
        for run in runs {
            guard UInt64(run.end) <= pagesOfImage else {
                throw .malformed(reason: "page \(run.end - 1) of a boot pack lies outside its image")
            }
            guard run.count <= Bounds.pages - pages else {
                throw .malformed(reason: "a boot pack of more than \(Bounds.pages) pages")
            }
            places.append(Place(run: run, offset: size))
            pages += run.count
            size += run.count * PageRun.pageSize
            if UInt64(run.end) == pagesOfImage, lastLength < PageRun.pageSize {
                size -= PageRun.pageSize - lastLength
                short = size - lastLength
            }
        }
        offsets = places.map(\.offset)
        places.sort { $0.run.start < $1.run.start }
        for (place, next) in zip(places, places.dropFirst()) where place.run.end > next.run.start {
            throw .malformed(reason: "page \(next.run.start) is in a boot pack twice")
        }
        starts = try Bounds.starts(of: pieces, size: size, short: short, lastLength: lastLength)
        (self.places, self.pageCount, self.size) = (places, pages, size)
    }

    /// A pack against a basis, and behind it the basis's own pack, of whose pages only those count that this image has unchanged: for a reader
    /// who has that pack's pieces, and no blocks. It is nobody's file.
    /// - Parameter isSame: whether a page is the same in both images.
    /// - Throws: ``ImageIndexError``, what `isSame` throws.
    package init(
        _ difference: BootPack, over whole: BootPack, where isSame: (Int) throws(ImageIndexError) -> Bool
    ) throws(ImageIndexError) {
        (index, imageSize, basis) = (difference.index, difference.imageSize, difference.basis)
        (runs, pieces) = (difference.runs + whole.runs, difference.pieces + whole.pieces)
        pageCount = difference.pageCount + whole.pageCount
        let before = difference.size
        size = before + whole.size
        starts = difference.starts + whole.starts.map { $0 + before }
        offsets = difference.offsets + whole.offsets.map { $0 + before }
        var places = difference.places
        for place in whole.places {
            var first: Int?
            for page in place.run.start...place.run.end {
                var counts = false
                if page < place.run.end, difference.place(of: page) == nil { counts = try isSame(page) }
                if counts {
                    first = first ?? page
                } else if let start = first {
                    let offset = before + place.offset + (start - place.run.start) * PageRun.pageSize
                    places.append(Place(run: PageRun(start: start, count: page - start), offset: offset))
                    first = nil
                }
            }
        }
        places.sort { $0.run.start < $1.run.start }
        self.places = places
    }

    /// Bytes of all pieces as they lie in the store.
    package var storedSize: Int { pieces.reduce(0) { $0 + $1.storedSize } }

    /// Says no to the pack of another version, or of another image under the same name.
    /// - Parameter index: the SHA-256 of the index file in use.
    /// - Throws: ``ImageIndexError/malformed(reason:)``.
    package func check(index: FileDigest, imageSize: UInt64) throws(ImageIndexError) {
        guard index == self.index, imageSize == self.imageSize else {
            throw .malformed(reason: "the boot pack is of another version, or its image was made again")
        }
    }

    /// Where the pieces hold bytes of the image, in the image's order; nil unless all of them are in the pack. O(log runs) for each run
    /// that is touched.
    /// - Parameter bytes: within the image; empty gives no parts.
    package func parts(of bytes: Range<UInt64>) -> [Part]? {
        guard bytes.upperBound <= imageSize else { return nil }
        var parts: [Part] = []
        var next = bytes.lowerBound
        while next < bytes.upperBound {
            guard let place = place(of: Int(next / UInt64(PageRun.pageSize))) else { return nil }
            let start = UInt64(place.run.start) * UInt64(PageRun.pageSize)
            let end = min(UInt64(place.run.end) * UInt64(PageRun.pageSize), bytes.upperBound)
            add(place.offset + Int(next - start), Int(end - next), to: &parts)
            next = end
        }
        return parts
    }

    /// Whether any page that holds some of these bytes is in the pack.
    package func hasPage(in bytes: Range<UInt64>) -> Bool {
        guard let wanted = PageRun(bytes: bytes) else { return false }
        let position = firstPlace(endingAfter: wanted.start)
        return position < places.count && places[position].run.start < wanted.end
    }

    /// The bytes of the pack that a piece holds.
    package func range(ofPiece number: Int) -> Range<Int> { starts[number]..<(starts[number] + pieces[number].length) }

    /// The runs of pages, or parts of them, that a piece holds, in the pack's order.
    package func runs(ofPiece number: Int) -> [PageRun] {
        let wanted = range(ofPiece: number)
        var found: [PageRun] = []
        var position = offsets.leading { $0 <= wanted.lowerBound } - 1
        while position < runs.count, offsets[position] < wanted.upperBound {
            let (run, offset) = (runs[position], offsets[position])
            let end = position + 1 < offsets.count ? offsets[position + 1] : size
            let here = wanted.clamped(to: offset..<end)
            let first = (here.lowerBound - offset) / PageRun.pageSize
            let last = (here.upperBound - 1 - offset) / PageRun.pageSize
            found.append(PageRun(start: run.start + first, count: last - first + 1))
            position += 1
        }
        return found
    }

    private func add(_ offset: Int, _ length: Int, to parts: inout [Part]) {
        var (offset, left) = (offset, length)
        var piece = starts.leading { $0 <= offset } - 1
        while left > 0 {
            let within = offset - starts[piece]
            let taken = min(left, pieces[piece].length - within)
            parts.append(Part(piece: piece, range: within..<(within + taken)))
            (offset, left, piece) = (offset + taken, left - taken, piece + 1)
        }
    }

    private func place(of page: Int) -> Place? {
        let position = firstPlace(endingAfter: page)
        guard position < places.count, places[position].run.start <= page else { return nil }
        return places[position]
    }

    private func firstPlace(endingAfter page: Int) -> Int { places.leading { $0.run.end <= page } }
}

extension Array {
    /// The number of elements before the first that is not `isBefore`, of an array in which all such come first. O(log n).
    fileprivate func leading(_ isBefore: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
