import DiskImage
import Linux

/// An image that a new one was made from, so that only what has changed since is read.
struct EarlierImage: Sendable {
    /// What knows of the changes.
    enum Trace: Sendable {
        /// The earlier image, as it looked when it was published: a file that shares with the new one what is unchanged.
        case file(String, ImageSource.Identity)
        /// A bitmap in the new one's qcow2 file.
        case bitmap(String)
    }

    /// Pieces of a file's disk that are looked at.
    private static let mostExtents = 4_194_304

    let trace: Trace
    /// Path of the index that the earlier image became.
    let index: String
    /// As people know it: `debian@2026-11-16`.
    let name: String
    /// Whether all is read nevertheless, and compared.
    let isVerified: Bool

    var isBitmap: Bool { if case .bitmap = trace { true } else { false } }

    /// What cannot be done as the user wants it; `reason` is a phrase.
    static func refusal(_ reason: String) -> PublisherError {
        .usage(option: "--changed-since", reason: "\(reason); without it all of the image is read")
    }

    /// Finds the blocks of the new image in which nothing was written since; the others may differ.
    /// - Parameter isUnchanged: an answer for each block, true before.
    /// - Throws: ``PublisherError``.
    func find(
        in source: ImageSource, blockSize: Int, _ isUnchanged: inout [Bool]
    ) throws(PublisherError) {
        switch trace {
        case .file(let path, let identity):
            let earlier = try ImageSource(path: path)
            guard earlier.identity == identity else { throw EarlierImage.refusal("\(path) was written to meanwhile") }
            try compare(source, earlier, blockSize: blockSize, &isUnchanged)
            // What was written to it while its pieces were looked at was not published.
            guard earlier.isUnchanged else { throw EarlierImage.refusal("\(path) was written to meanwhile") }
        case .bitmap(let name):
            let bitmap = try EarlierImage.bitmap(name, in: source.container)
            for block in isUnchanged.indices {
                let start = UInt64(block) * UInt64(blockSize)
                if !bitmap.isClean(start..<min(source.size, start + UInt64(blockSize))) { isUnchanged[block] = false }
            }
        }
    }

    private func compare(
        _ source: ImageSource, _ earlier: ImageSource, blockSize: Int, _ isUnchanged: inout [Bool]
    ) throws(PublisherError) {
        let found: (new: [FileExtent]?, old: [FileExtent]?)
        do {
            guard try source.isBeside(earlier) else {
                throw EarlierImage.refusal("\(earlier.path) is the image itself, or on another file system")
            }
            let most = EarlierImage.mostExtents
            found = (try source.extents(most: most), try earlier.extents(most: most))
        } catch let error as PublisherError {
            throw error
        } catch let error as SystemCallError {
            guard [.notSupported, .noSuchRequest, .invalidArgument, .badMessage].contains(error.number) else {
                throw .unreadable(SystemCallError(code: error.code, call: error.call, subject: source.path))
            }
            throw EarlierImage.refusal("the file system of \(source.path) does not say which parts files share")
        } catch {
            throw EarlierImage.refusal(words(of: error))
        }
        guard let new = found.new, let old = found.old else {
            throw EarlierImage.refusal("\(source.path) lies in too many pieces on its disk")
        }
        SharedExtents.forEachDifference(new, old, size: source.size) { range in
            let size = UInt64(blockSize)
            for block in Int(range.lowerBound / size)...Int((range.upperBound - 1) / size) {
                isUnchanged[block] = false
            }
        }
    }

    private static func bitmap(_ name: String, in file: ImageSource) throws(PublisherError) -> Qcow2Bitmap {
        let path = file.path
        do {
            return try Qcow2Bitmap(name, in: file)
        } catch let error as PublisherError {
            throw error
        } catch let error as DiskImageError {
            throw refusal("\(path) does not say what has changed: \(error.reason)")
        } catch {
            throw refusal("\(path) does not say what has changed: \(words(of: error))")
        }
    }
}

/// Which bytes of two files of one file system are the same by where they lie on it.
enum SharedExtents {
    /// Calls `body` with the parts of the first file, in order, whose bytes may differ from those of the second. A hole in both is the same.
    /// - Parameters:
    ///   - new, old: the files' extents in order.
    ///   - size: bytes of the first file that count.
    static func forEachDifference(
        _ new: [FileExtent], _ old: [FileExtent], size: UInt64, _ body: (Range<UInt64>) -> Void
    ) {
        var (atNew, atOld) = (0, 0)
        var position: UInt64 = 0
        while position < size {
            while atNew < new.count, new[atNew].range.upperBound <= position { atNew += 1 }
            while atOld < old.count, old[atOld].range.upperBound <= position { atOld += 1 }
            let pieces = (Piece(new, atNew, position), Piece(old, atOld, position))
            let end = min(size, pieces.0.end, pieces.1.end)
            if !pieces.0.hasSameBytes(as: pieces.1) { body(position..<end) }
            position = end
        }
    }

    /// What a file has at a position.
    private struct Piece {
        private enum Content: Equatable {
            case hole
            /// By its place on the disk.
            case shared(UInt64)
            case own
        }

        private let content: Content
        /// The byte after its last.
        let end: UInt64

        /// - Parameter next: the first extent that ends past the position.
        init(_ extents: [FileExtent], _ next: Int, _ position: UInt64) {
            guard next < extents.count else {
                (content, end) = (.hole, .max)
                return
            }
            let extent = extents[next]
            guard extent.range.contains(position) else {
                (content, end) = (.hole, extent.range.lowerBound)
                return
            }
            let place = extent.place &+ (position - extent.range.lowerBound)
            (content, end) = (extent.isShared ? .shared(place) : .own, extent.range.upperBound)
        }

        func hasSameBytes(as other: Piece) -> Bool { content != .own && content == other.content }
    }
}
