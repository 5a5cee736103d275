import CLinux

/// Some of a file's bytes that lie in one piece on its disk.
package struct FileExtent: Sendable, Equatable {
    /// Bytes of the file; the last ones may lie past its end.
    package let range: Range<UInt64>
    /// The disk's byte where the first of them lies.
    package let place: UInt64
    /// Whether other files have the same piece of the disk: then nobody writes there any more, and whose place is the same has the same
    /// bytes. Of a piece that is compressed, unwritten, or without a place of its own it is false.
    package let isShared: Bool

    package init(_ range: Range<UInt64>, place: UInt64, isShared: Bool) {
        (self.range, self.place, self.isShared) = (range, place, isShared)
    }
}

extension FileHandle {
    /// Where the file's bytes lie on its disk, in order; what is in none of these is a hole. All that was written is given its place first.
    /// - Returns: nil when there are more than `most`.
    /// - Throws: ``SystemCallError`` of `fiemap`; EOPNOTSUPP where the file system does not say.
    package func extents(most: Int) throws(SystemCallError) -> [FileExtent]? {
        let batch = UnsafeMutableBufferPointer<fiemap_extent>.allocate(capacity: 1024)
        defer { batch.deallocate() }
        var found: [FileExtent] = []
        var next: UInt64 = 0
        while true {
            let count = try FileCalls.extents(descriptor, from: next, into: batch)
            let before = next
            for extent in batch[..<count] {
                let (end, overflows) = extent.fe_logical.addingReportingOverflow(extent.fe_length)
                guard !overflows, extent.fe_logical >= next, end > next else {
                    throw SystemCallError(.badMessage, call: "fiemap")
                }
                found.append(
                    FileExtent(extent.fe_logical..<end, place: extent.fe_physical, isShared: isShared(extent.fe_flags)))
                next = end
                if extent.fe_flags & UInt32(FIEMAP_EXTENT_LAST) != 0 { return found.count > most ? nil : found }
            }
            if next == before { return found }
            if found.count > most { return nil }
        }
    }

    private func isShared(_ flags: UInt32) -> Bool {
        // A compressed piece has one place whichever of its bytes are meant; the others have none.
        let others =
            FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_ENCRYPTED
            | FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL | FIEMAP_EXTENT_UNWRITTEN
        return flags & UInt32(FIEMAP_EXTENT_SHARED) != 0 && flags & UInt32(others) == 0
    }
}

extension FileHandle {
    /// What a program has noted beside the file's bytes under a name such as `user.program.what` (xattr(7)), as text.
    /// - Returns: nil where nothing is, or more than `limit` bytes are.
    /// - Throws: ``SystemCallError`` of `fgetxattr`; EOPNOTSUPP where the file system keeps no such notes.
    package func note(_ name: String, limit: Int) throws(SystemCallError) -> String? {
        var bytes = [UInt8](repeating: 0, count: limit)
        do throws(SystemCallError) {
            let count = try FileCalls.note(descriptor, name, into: &bytes)
            return String(decoding: bytes[..<count], as: UTF8.self)
        } catch  where [.noNote, .outOfRange].contains(error.number) {
            return nil
        }
    }

    /// Notes something; its bytes and its time of modification stay as they are.
    /// - Throws: ``SystemCallError`` of `fsetxattr`.
    package func setNote(_ name: String, _ text: String) throws(SystemCallError) {
        try FileCalls.setNote(descriptor, name, Array(text.utf8))
    }
}

extension FileCalls {
    /// - Returns: how many there are from `start` on, at most as many as there is room for.
    fileprivate static func extents(
        _ file: Int32, from start: UInt64, into batch: UnsafeMutableBufferPointer<fiemap_extent>
    ) throws(SystemCallError) -> Int {
        Int(
            try call("fiemap", "", in: file) {
                osc_file_extents(file, start, batch.baseAddress, UInt32(batch.count))
            })
    }

    fileprivate static func note(
        _ file: Int32, _ name: String, into bytes: inout [UInt8]
    ) throws(SystemCallError) -> Int {
        try call("fgetxattr", "", in: file) { fgetxattr(file, name, &bytes, bytes.count) }
    }

    fileprivate static func setNote(_ file: Int32, _ name: String, _ bytes: [UInt8]) throws(SystemCallError) {
        _ = try call("fsetxattr", "", in: file) { fsetxattr(file, name, bytes, bytes.count, 0) }
    }
}
