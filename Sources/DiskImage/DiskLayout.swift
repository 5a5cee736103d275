import Formats

/// The file that a disk lies in.
package protocol DiskFile {
    /// Bytes of the file.
    var size: UInt64 { get }

    /// Reads bytes; may wait for them.
    /// - Parameter range: lies within the file.
    /// - Throws: whatever keeps them away.
    func bytes(in range: Range<UInt64>) throws -> [UInt8]
}

/// Where a disk's bytes lie in a file that is not the disk itself. It reads nothing: it says which bytes of the file it needs.
///
/// Any thread may use it.
package protocol DiskLayout: Sendable {
    /// Bytes of the disk; more than 0.
    var diskSize: UInt64 { get }
    /// Bytes of the longest part that can only be decoded as a whole.
    var longestUnit: Int { get }

    /// Finds a range of the disk.
    /// - Parameter range: not empty, within the disk, at most some MiB.
    /// - Throws: ``DiskImageError/malformed(reason:)``.
    func find(_ range: Range<UInt64>) throws(DiskImageError) -> DiskFinding

    /// Takes a table that ``find(_:)`` wanted. It may be forgotten again: then it is wanted again.
    /// - Throws: ``DiskImageError/malformed(reason:)``.
    func take(table range: Range<UInt64>, _ bytes: UnsafeRawBufferPointer) throws(DiskImageError)

    /// Decodes one unit.
    /// - Parameters:
    ///   - stored: the bytes of ``DiskUnit/stored``.
    ///   - output: ``DiskUnit/length`` bytes; nothing is written past it.
    ///   - decoder: used by one thread at a time.
    /// - Throws: ``DiskImageError/malformed(reason:)``.
    func decode(
        _ unit: DiskUnit, _ stored: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        by decoder: UnitDecoder
    ) throws(DiskImageError)
}

/// What is known of a range of a disk.
package enum DiskFinding: Sendable, Equatable {
    /// First these parts of the file are needed, by ``DiskLayout/take(table:_:)``. They lie within the file.
    case tables([Range<UInt64>])
    /// The range's parts in its order, without gaps.
    case parts([DiskPart])
}

/// A part of a range of a disk, and where it comes from.
package struct DiskPart: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        case zeros
        /// The file's bytes from this offset on; all of them lie within the file.
        case stored(at: UInt64)
        /// A unit's bytes, from this one on.
        case unit(DiskUnit, from: Int)
    }

    package let count: Int
    package let source: Source
}

/// A part of a disk that can only be decoded as a whole.
package struct DiskUnit: Sendable, Hashable {
    /// Its number on the disk. Two numbers may have the same bytes of the file.
    package let number: Int
    /// Where it lies in the file; within it, and not empty.
    package let stored: Range<UInt64>
    /// Bytes when decoded; more than 0.
    package let length: Int
}

extension DiskFormat {
    /// Reads how a disk lies in a file of this format.
    /// - Returns: nil where the file is the disk.
    /// - Throws: ``DiskImageError``; what `file` throws.
    package func layout(of file: some DiskFile) throws -> (any DiskLayout)? {
        switch self {
        case .raw, .iso: nil
        case .qcow2: try Qcow2Layout(file)
        case .rawXZ: try XZLayout(file)
        }
    }
}
