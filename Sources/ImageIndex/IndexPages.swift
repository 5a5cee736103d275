import Linux
import Synchronization

/// Pieces of a table that were read once: a look-up of a block that was looked up before, or of one near it, costs no system call.
/// Readers share no lock.
final class IndexPages: Sendable {
    /// Rows of a page.
    private static let rowsPerPage = 100
    /// Pages kept at most: 16 MB; those further on are read at each look-up.
    private static let mostPages = 4096

    private let file: FileHandle
    private let rows: IndexRows
    private let count: Int
    /// A page's rows as they lie in the file, or nil.
    // Immutable after init but for the atomics themselves; a page that is set stays.
    private nonisolated(unsafe) let pages: UnsafeMutableBufferPointer<Atomic<UnsafeMutableRawPointer?>>
    private let kept = Atomic(0)

    /// - Parameter count: rows of the table.
    init(file: FileHandle, rows: IndexRows, count: Int) {
        self.file = file
        self.rows = rows
        self.count = count
        pages = .allocate(capacity: (count + IndexPages.rowsPerPage - 1) / IndexPages.rowsPerPage)
        for page in pages.indices { pages.initializeElement(at: page, to: Atomic(nil)) }
    }

    deinit {
        for page in pages.indices { pages[page].load(ordering: .relaxed)?.deallocate() }
        pages.deinitialize()
        pages.deallocate()
    }

    /// The row at a position.
    /// - Throws: ``ImageIndexError`` when the file can no longer be read.
    func item(_ position: Int) throws(ImageIndexError) -> IndexItem {
        let page = position / IndexPages.rowsPerPage
        var bytes = pages[page].load(ordering: .acquiring)
        if bytes == nil { bytes = try load(page) }
        guard let bytes else {
            return try IndexItem.read(from: file, rows, position..<(position + 1))[0]
        }
        let start = position % IndexPages.rowsPerPage * rows.size
        return try IndexItem(
            row: UnsafeRawBufferPointer(start: bytes + start, count: rows.size), rows, position: position)
    }

    /// Reads a page and keeps it; nil when there are too many.
    private func load(_ page: Int) throws(ImageIndexError) -> UnsafeMutableRawPointer? {
        guard kept.load(ordering: .relaxed) < IndexPages.mostPages else { return nil }
        let first = page * IndexPages.rowsPerPage
        let bytes = try IndexItem.bytes(
            from: file, rows, first..<min(first + IndexPages.rowsPerPage, count))
        let (isFirst, before) = pages[page].compareExchange(
            expected: nil, desired: bytes.baseAddress, ordering: .acquiringAndReleasing)
        if isFirst {
            kept.add(1, ordering: .relaxed)
            return bytes.baseAddress
        }
        // Another thread was quicker.
        bytes.deallocate()
        return before
    }
}
