import Glibc

/// A piece of the image in memory: some whole blocks that lie together (the image's last may be short).
// @unchecked: one thread at a time has a run: the reader fills it, RunQueue hands it over under its lock.
final class ReadRun: @unchecked Sendable {
    /// The first block's number.
    var firstBlock = 0
    /// Bytes that are filled.
    var count = 0
    private let buffer: UnsafeMutableRawBufferPointer

    init(capacity: Int) { buffer = .allocate(byteCount: capacity, alignment: 4096) }

    deinit { buffer.deallocate() }

    /// The part that is to be filled.
    var space: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(space) }
}
