import Glibc

/// Notice of names that come, go or are written in some folders (inotify). What is done over another mount, or on another machine, is not told
/// of: who relies on it looks now and then all the same. For one thread.
package final class NameWatch: Sendable {
    private let handle: FileHandle

    /// For poll; readable when something happened.
    package var descriptor: Int32 { handle.descriptor }

    /// - Throws: ``SystemCallError`` of `inotify_init1`, EMFILE where the user has too many, or of `inotify_add_watch`.
    package init(folders: Set<String>) throws(SystemCallError) {
        handle = FileHandle(owning: try systemCall("inotify_init1") { inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)) })
        let wanted = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR
        for folder in folders {
            try systemCall("inotify_add_watch", folder) {
                inotify_add_watch(handle.descriptor, folder, UInt32(wanted))
            }
        }
    }

    /// Reads what there is to read. Does not wait.
    /// - Returns: whether all folders are watched still; else one of them has gone, or has got another name.
    package func clear() -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
        defer { buffer.deallocate() }
        var isWhole = true
        // What cannot be read is not watched.
        while let received = try? handle.receive(into: buffer) {
            guard case .bytes(let count) = received else { return isWhole }
            if !Self.areWithin(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { isWhole = false }
        }
        return false
    }

    /// Whether events are about names in the folders, and not about the folders themselves.
    private static func areWithin(_ events: UnsafeRawBufferPointer) -> Bool {
        let head = MemoryLayout<inotify_event>.size
        var (start, isWithin) = (0, true)
        while start + head <= events.count {
            let event = events.loadUnaligned(fromByteOffset: start, as: inotify_event.self)
            if event.mask & UInt32(IN_IGNORED | IN_MOVE_SELF) != 0 { isWithin = false }
            start += head + Int(event.len)
        }
        return isWithin
    }
}
