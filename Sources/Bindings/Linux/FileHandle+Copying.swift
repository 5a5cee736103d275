/// Copies of large files with holes.
extension FileHandle {
    /// Makes this empty file one that shares the other's blocks, where their file system can do that.
    /// - Returns: false where it cannot; nothing has changed then.
    /// - Throws: ``SystemCallError`` of `ioctl` for anything else, such as a full disk.
    package func shareBlocks(of other: FileHandle) throws(SystemCallError) -> Bool {
        do throws(SystemCallError) {
            try FileCalls.clone(other.descriptor, to: descriptor)
            return true
        } catch {
            let cannot: [ErrorNumber] = [
                .notSupported, .otherFileSystem, .invalidArgument, .noSuchCall, .noSuchRequest, .notPermitted,
            ]
            guard cannot.contains(error.number) else { throw error }
            return false
        }
    }

    /// Makes this empty file a copy of the other, with holes where that has holes or zeros. Moves the other's position.
    /// - Throws: ``SystemCallError`` of reading, writing or `ftruncate`.
    package func copyData(of other: FileHandle) throws(SystemCallError) {
        let size = try other.status().size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var position = 0
        while let data = try other.data(from: position) {
            position = data.lowerBound
            while position < min(data.upperBound, size) {
                let wanted = min(buffer.count, data.upperBound - position)
                let count = try other.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
                if count == 0 { break }
                try writeUnlessZero(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: position)
                position += count
            }
            guard position < size else { break }
            position = max(position, data.upperBound)
        }
        try truncate(to: size)
    }

    /// In pieces of a page, so that zeros among data stay holes.
    private func writeUnlessZero(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemCallError) {
        var start = 0
        while start < bytes.count {
            var end = start
            // What is no zero goes out in one piece.
            while end < bytes.count {
                let page = bytes[end..<min(end + 4096, bytes.count)]
                if page.allSatisfy({ $0 == 0 }) { break }
                end = page.endIndex
            }
            if end > start { try write(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), at: offset + start) }
            start = end + 4096
        }
    }

    /// Whether another process, or another open file of this one, holds a lock of a part of the file, as QEMU does of its disks.
    /// - Throws: ``SystemCallError`` of `fcntl`.
    package func isLockedInPart() throws(SystemCallError) -> Bool { try FileCalls.hasRangeLock(descriptor) }
}
