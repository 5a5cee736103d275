import Linux

/// Counts what is stored in an exchange folder while logins may write to it, on a thread of its own.
///
/// A plain user has no quota to set, so this looks again and again: a login can go beyond the limit by what it writes in the meantime,
/// but no file can be longer than the limit (RLIMIT_FSIZE of the sandbox).
final class ExchangeWatch: Sendable {
    private struct State {
        var isNeeded = false
        var isFull = false
        var isOver = false
    }

    /// Signalled when ``isFull`` changes.
    let news: EventDescriptor
    private let state = Monitor(State())

    /// - Parameters:
    ///   - limit: bytes on the disk.
    ///   - pause: nanoseconds between two looks, at least; a look that takes long is followed by ten times as much rest.
    /// - Throws: ``SystemCallError`` when there is no thread for it.
    init(folder: String, limit: UInt64, pause: UInt64 = 1_000_000_000) throws(SystemCallError) {
        news = try EventDescriptor()
        let (state, news) = (self.state, self.news)
        try WorkerThread.start(name: "exchange") {
            while state.wait({ $0.isOver ? false : $0.isNeeded || $0.isFull ? true : nil }) == true {
                let start = MonotonicClock.nanoseconds
                let isFull = FolderSize.isLarger(folder, than: limit)
                let end = MonotonicClock.nanoseconds
                let changed = state.change { state in
                    defer { state.isFull = isFull }
                    return state.isFull != isFull
                }
                if changed { news.signal() }
                let next = end + max(pause, 10 * (end - start))
                _ = state.wait(until: { _ in next }) { $0.isOver ? true : nil }
            }
        }
    }

    deinit { stop() }

    /// More than the limit is stored.
    var isFull: Bool { state.change(wakingIf: { ($0.isFull, false) }) }

    /// Whether somebody may write there now.
    func setNeeded(_ isNeeded: Bool) {
        state.change(wakingIf: { state in
            defer { state.isNeeded = isNeeded }
            return ((), state.isNeeded != isNeeded)
        })
    }

    /// Ends the thread soon.
    func stop() { state.change { $0.isOver = true } }
}

/// What a folder takes on the disk, where somebody else makes and moves files meanwhile.
enum FolderSize {
    /// Names and folders in folders that are counted; who has more is as one who has too much.
    static let (mostNames, deepest) = (500_000, 64)

    /// Whether what is in a folder takes more than `limit` bytes, each name 4 KiB at least. Follows no link. True, too, for what cannot be
    /// looked at: it can be made as large as one likes.
    static func isLarger(_ path: String, than limit: UInt64) -> Bool {
        var (bytes, names) = (UInt64(0), 0)
        do throws(SystemCallError) {
            return try !add(Folder(path: path), depth: 0, &bytes, &names, limit)
        } catch {
            return true
        }
    }

    /// - Returns: false as soon as it is too much.
    private static func add(
        _ folder: Folder, depth: Int, _ bytes: inout UInt64, _ names: inout Int, _ limit: UInt64
    ) throws(SystemCallError) -> Bool {
        var fits = true
        // One by one: a folder may have more names than this process has memory for.
        try folder.forEachName { (name) throws(SystemCallError) in
            fits = try addName(name, in: folder, depth: depth, &bytes, &names, limit)
            return fits
        }
        return fits
    }

    private static func addName(
        _ name: String, in folder: Folder, depth: Int, _ bytes: inout UInt64, _ names: inout Int, _ limit: UInt64
    ) throws(SystemCallError) -> Bool {
        names += 1
        guard names <= mostNames else { return false }
        // It may be gone by now.
        guard let entry = try folder.entry(name) else { return true }
        bytes += UInt64(max(entry.allocated, 4096))
        guard bytes <= limit else { return false }
        guard entry.isFolder else { return true }
        guard depth < deepest else { return false }
        do throws(SystemCallError) {
            return try add(folder.folder(name), depth: depth + 1, &bytes, &names, limit)
        } catch  where error.isAbsent || error.number == .isALink {
            return true
        }
    }
}
