import ContentAddress
import Linux

/// An image as the list of its blocks: a casync blob index (`.caibx`), fixed or content-defined, or an LBCAS index (`.idx`).
///
/// The table stays in the file and is read in small pieces when they are needed, so memory does not grow with the image, and a
/// file that somebody truncates later gives an error instead of SIGBUS. Any thread may use it.
package final class ImageIndex: Sendable {
    /// Bytes of the image; more than 0.
    package let imageSize: UInt64
    /// Number of blocks; at least 1.
    package let count: Int
    /// How the block ids were computed.
    package let algorithm: DigestAlgorithm
    /// The size of every block but the last when all are equal, else nil (content-defined).
    package let fixedBlockSize: Int?
    /// The longest block.
    package let longestBlock: Int
    /// The file as it was opened.
    package let stamp: FileStamp

    private let file: FileHandle
    private let pages: IndexPages
    private let rows: IndexRows
    /// Ids of the all-zero block, by length. Two lengths at most: the longest block and the last one.
    private let zeroBlocks: [Int: BlockID]
    /// End offset of every `stride`-th item of a content-defined index; empty for a fixed one.
    private let landmarks: [UInt64]
    private static let stride = 64

    /// Opens and checks an index file: its structure, that offsets rise, and every block's length.
    /// - Throws: ``ImageIndexError``.
    package init(path: String) throws(ImageIndexError) {
        do {
            file = try FileHandle(path, for: .reading)
            let status = try file.status()
            guard status.kind == .regular else {
                throw SystemCallError(
                    status.kind == .folder ? .isAFolder : .invalidArgument, call: "open", subject: path)
            }
            let layout = try IndexLayout(file: file, fileSize: UInt64(status.size))
            let scan = try IndexScan(file: file, layout: layout, stride: ImageIndex.stride)
            stamp = status.stamp
            imageSize = scan.imageSize
            count = layout.count
            rows = layout.rows
            algorithm = layout.algorithm
            fixedBlockSize = scan.fixedBlockSize
            longestBlock = scan.longestBlock
            landmarks = scan.fixedBlockSize == nil ? scan.landmarks : []
            var zeroBlocks: [Int: BlockID] = [:]
            for length in Set([scan.longestBlock, scan.lastBlock]) {
                zeroBlocks[length] = ImageIndex.zeroBlock(length: length, algorithm: layout.algorithm)
            }
            self.zeroBlocks = zeroBlocks
            pages = IndexPages(file: file, rows: layout.rows, count: layout.count)
        } catch let error as ImageIndexError {
            throw error
        } catch let error as SystemCallError {
            throw .file(error)
        } catch {
            throw .malformed(reason: "\(error)")
        }
    }

    /// As ``init(path:)``, for an image whose length is known from elsewhere: what a user was told of it must be what is served.
    /// - Throws: ``ImageIndexError``.
    package convenience init(path: String, imageSize expected: UInt64) throws(ImageIndexError) {
        try self.init(path: path)
        guard imageSize == expected else { throw .otherSize(expected: expected, actual: imageSize) }
    }

    /// The id of a block of `length` zeros.
    package static func zeroBlock(length: Int, algorithm: DigestAlgorithm) -> BlockID {
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        return algorithm.blockID(of: UnsafeRawBufferPointer(zeros))
    }

    /// The block at a position. O(1).
    /// - Precondition: `0..<count` contains `position`.
    /// - Throws: ``ImageIndexError`` when the file can no longer be read.
    package func block(at position: Int) throws(ImageIndexError) -> IndexedBlock {
        precondition((0..<count).contains(position), "block \(position) of \(count)")
        // The item before gives the block's start; a fixed index needs no look.
        let start: UInt64
        if let fixedBlockSize {
            start = UInt64(position) * UInt64(fixedBlockSize)
        } else {
            start = position == 0 ? 0 : try pages.item(position - 1).end
        }
        return indexed(try pages.item(position), position: position, start: start)
    }

    /// The block that holds a byte of the image: O(1) for fixed blocks, O(log n) else.
    /// - Precondition: `offset < imageSize`.
    /// - Throws: ``ImageIndexError`` when the file can no longer be read.
    package func block(containing offset: UInt64) throws(ImageIndexError) -> IndexedBlock {
        precondition(offset < imageSize, "offset \(offset) of \(imageSize)")
        if let fixedBlockSize { return try block(at: Int(offset / UInt64(fixedBlockSize))) }
        // The first landmark whose end lies past the offset bounds the run of items to read.
        var low = 0
        var high = landmarks.count
        while low < high {
            let middle = (low + high) / 2
            if landmarks[middle] > offset { high = middle } else { low = middle + 1 }
        }
        let first = low == 0 ? 0 : (low - 1) * ImageIndex.stride
        let items = try items(first..<min(first + ImageIndex.stride + 1, count))
        var start = first == 0 ? 0 : items[0].end
        for (distance, item) in items.enumerated() where first == 0 || distance > 0 {
            if item.end > offset { return indexed(item, position: first + distance, start: start) }
            start = item.end
        }
        throw .malformed(reason: "the file changed while it was in use")
    }

    /// Calls `body` for every block in order, reading the table in large pieces.
    /// - Throws: ``ImageIndexError`` when the file can no longer be read; whatever `body` throws.
    package func forEachBlock(_ body: (IndexedBlock) throws -> Void) throws {
        var start: UInt64 = 0
        for first in Swift.stride(from: 0, to: count, by: 4096) {
            for (distance, item) in try items(first..<min(first + 4096, count)).enumerated() {
                try body(indexed(item, position: first + distance, start: start))
                start = item.end
            }
        }
    }

    private func indexed(_ item: IndexItem, position: Int, start: UInt64) -> IndexedBlock {
        let length = Int(item.end - start)
        return IndexedBlock(
            position: position, id: item.id, offset: start, length: length, isHole: zeroBlocks[length] == item.id)
    }

    private func items(_ range: Range<Int>) throws(ImageIndexError) -> [IndexItem] {
        try IndexItem.read(from: file, rows, range)
    }
}

/// One block of an image: where it lies and what it is called.
package struct IndexedBlock: Sendable, Hashable {
    /// Its number, from 0.
    package let position: Int
    package let id: BlockID
    /// First byte within the image.
    package let offset: UInt64
    /// Bytes; more than 0 and at most ``BlockSize/longestReadable``.
    package let length: Int
    /// True when all its bytes are zero, so that it need not be fetched.
    package let isHole: Bool

    /// The byte after its last within the image.
    package var end: UInt64 { offset + UInt64(length) }
}

/// Bounds on blocks that this program reads and writes.
package enum BlockSize {
    /// LBCAS's block size, and ours unless the publisher says otherwise.
    package static let standard = 262_144
    /// What a publisher may choose; must also be a multiple of 512.
    package static let writable = 4096...16_777_216
    /// The longest block that is read, from anybody's index.
    package static let longestReadable = 67_108_864

    /// Whether an LBCAS store may have blocks of this many bytes.
    package static func isLegacyWritable(_ size: Int) -> Bool {
        (512...writable.upperBound).contains(size) && size.isMultiple(of: 512)
    }

    /// Whether a publisher may cut images into blocks of this many bytes.
    package static func isWritable(_ size: Int) -> Bool { writable.contains(size) && size.isMultiple(of: 512) }
}

/// Why a file is not a usable index.
package enum ImageIndexError: Error, Sendable, Equatable {
    /// The file could not be opened, read or written.
    case file(SystemCallError)
    /// The first bytes are not a casync blob index's.
    case notAnIndex
    /// The file ends before its table does, or goes on after it.
    case truncated(expected: UInt64, actual: UInt64)
    /// The file's structure is there but says something impossible. `reason` is a phrase for the user.
    case malformed(reason: String)
    /// The image has no bytes.
    case empty
    /// The image has another length than its publisher says elsewhere.
    case otherSize(expected: UInt64, actual: UInt64)
}

extension ImageIndexError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notAnIndex: "not a casync blob index (.caibx)"
        case .truncated(let expected, let actual): "index is \(actual) bytes long, its table says \(expected)"
        case .malformed(let reason): "malformed index: \(reason)"
        case .empty: "the index describes an image of 0 bytes"
        case .otherSize(let expected, let actual):
            "it describes an image of \(actual) bytes, where the catalog says \(expected)"
        }
    }
}
