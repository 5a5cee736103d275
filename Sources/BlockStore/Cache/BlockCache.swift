import ContentAddress
import Linux
import Synchronization

/// Blocks on the local disk, shared by any number of processes.
///
/// Each block is a file of its own below `DIR/v1` (``CacheFolder``), named by its digest; the folder is the truth, and all else is a hint or a
/// lock. A damaged block is never handed out: each is hashed at its first use in a process, dropped when it does not match, and
/// counted. Files are written by a thread of the cache's own (``CacheWriter``), which may decline a block but never holds up a read.
///
/// How much may be written is kept in `DIR/v1/usage`, for all processes together: a writer is granted some megabytes at a time
/// under the lock of `DIR/v1/lock` (``CacheBudget``). When the limit is near, the blocks that were used longest ago are evicted;
/// a block's modification time says when it was last used first in a session. Pins and the blocks of running sessions stay
/// (``CacheKeepers``), and when nobody can say which those are, nothing is evicted.
///
/// All calls may wait for the disk.
package final class BlockCache: Sendable {
    /// The cache's folder; blocks lie in `v1` below it.
    package let directory: String
    let folder: CacheFolder
    let budget: CacheBudget
    private let open: OpenBlocks
    private let observer: (@Sendable (CacheWarning) -> Void)?
    private let reported = Mutex<Set<String>>([])
    private let repairs = Atomic<Int>(0)
    private let writer: CacheWriter
    /// Another process was found to hold the cache for longer than ``patience``: no write waits for it again until it is free.
    private let isHeld = Atomic(false)
    let ledgers: LedgerFolder?
    private let declinedBlocks = Atomic(0)
    private let isMoving = Atomic(false)

    /// Bytes of blocks that may wait to be written.
    package static let longestQueue = 64 << 20
    /// Nanoseconds for which a write waits for another process that holds the cache, or for room that is being made.
    private let patience: UInt64

    /// Opens a cache, which need not exist yet; the folder is made when the first block is written.
    /// - Parameters:
    ///   - tidiesFrom: bytes of a limit from which on a thread makes room before there is none; a smaller cache is walked through
    ///     in no time.
    ///   - longestQueue: bytes of blocks that may wait to be written.
    ///   - patience: seconds for which a write waits, on its own thread, for another process that holds the cache.
    ///   - ledgers: where it is written what pieces with made-up ids are.
    ///   - neighbour: what lies in the folder beside the blocks; nil for nothing.
    ///   - observer: told what the cache cannot do, from any thread; it must not block.
    package init(
        directory: String, limit: CacheLimit = .automatic, tidiesFrom: Int = 1 << 30,
        longestQueue: Int = BlockCache.longestQueue, patience: Double = 3, ledgers: LedgerFolder? = nil,
        neighbour: (any CacheNeighbour)? = nil,
        observer: (@Sendable (CacheWarning) -> Void)? = nil
    ) {
        self.directory = directory
        self.observer = observer
        self.patience = UInt64(patience * 1e9)
        self.ledgers = ledgers
        writer = CacheWriter(most: longestQueue)
        let descriptors = DescriptorLimit.raise()
        let open = OpenBlocks(maximumOpen: min(descriptors / 2, 4096))
        self.open = open
        folder = CacheFolder(path: directory, mostHeld: min(descriptors / 8, 256))
        budget = CacheBudget(
            folder: folder, limit: limit, tidiesFrom: tidiesFrom, ledgers: ledgers, neighbour: neighbour,
            evicted: { open.forget($0) },
            renewed: { open.closeRemoved() })
        // Only to know whether it exists; its first use says why it does not.
        _ = try? folder.root(create: false)
    }

    deinit {
        writer.close()
        budget.release()
    }

    /// Damaged blocks that this object found and dropped.
    package var repaired: Int { repairs.load(ordering: .relaxed) }

    /// Blocks that this object did not keep though they might have been kept at another time.
    package var declined: Int { declinedBlocks.load(ordering: .relaxed) }

    /// Whether a block is stored. Its bytes are not looked at.
    package func contains(_ id: BlockID) -> Bool {
        folder.entry(id).map { $0.isRegularFile && $0.size > 0 } ?? false
    }

    /// Whether a block is stored, for callers that remove something when it is not.
    /// - Throws: ``SystemCallError`` when that cannot be found out.
    package func has(_ id: BlockID) throws(SystemCallError) -> Bool {
        try folder.look(id).map { $0.isRegularFile && $0.size > 0 } ?? false
    }

    /// Copies a part of a block: one `pread`, but at its first use, when the whole block is read and hashed.
    /// - Returns: false when the block is not stored, or was damaged.
    func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        if buffer.isEmpty { return contains(request.id) }
        let (file, isVerified) = open.look(up: request.id)
        if isVerified, file != nil || request.ledger == nil {
            guard let file = file ?? self.file(of: request) else { return false }
            do throws(SystemCallError) {
                if try file.read(into: buffer, at: offset) == buffer.count { return true }
                drop(request.id)
            } catch {
                report(.cannotRead(directory: directory, cause: error))
                open.forget(request.id)
            }
            return false
        }
        guard let bytes = load(request) else { return false }
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
        }
        return true
    }

    /// The whole block, verified; nil when it is not stored, or was damaged. One that has a ledger is compared with it each time: what a
    /// whole file is judged by are the very bytes that its ledger knows.
    package func load(_ request: BlockRequest) -> BlockBytes? {
        let (known, wasVerified) = open.look(up: request.id)
        let isVerified = wasVerified && request.ledger == nil
        guard let file = known ?? self.file(of: request) else { return nil }
        do throws(SystemCallError) {
            let status = try file.status()
            guard status.kind == .regular, status.size == request.length else {
                drop(request.id)
                return nil
            }
            var count = 0
            let bytes = try BlockBytes(length: request.length) { (buffer) throws(SystemCallError) in
                count = try file.read(into: buffer, at: 0)
            }
            var flaw: String?
            if !isVerified, count == request.length {
                flaw = try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in
                    try request.flaw(of: bytes, from: .cache)
                }
            }
            guard count == request.length, flaw == nil else {
                drop(request.id)
                return nil
            }
            if !wasVerified { file.touch() }
            open.insert(request.id, file)
            return bytes
        } catch {
            report(.cannotRead(directory: directory, cause: error))
            open.forget(request.id)
            return nil
        }
    }

    /// Has a verified block kept, if there is room, by another thread.
    /// - Parameters:
    ///   - always: it is fetched in order to be kept, so it has a place in the queue however long that is.
    ///   - done: called when it is kept or will not be; not when it is declined at once.
    func keep(_ id: BlockID, _ bytes: BlockBytes, always: Bool, done: @escaping @Sendable () -> Void)
        -> CacheWriter.Place
    {
        let place = writer.submit(bytes: bytes.count, always: always) { [self] in
            store(id, bytes)
            done()
        }
        if case .declined = place { decline() }
        return place
    }

    /// Keeps a verified block, if there is room. Whatever fails is reported, never thrown. Waits for the disk; for the writer's thread.
    package func store(_ id: BlockID, _ bytes: BlockBytes) {
        var reserved = 0
        do throws(SystemCallError) {
            switch try reserve(bytes.count) {
            case .made: break
            case .soon: return decline()
            case .refused: return report(.noRoom(directory: directory))
            }
            reserved = bytes.count
            do throws(SystemCallError) {
                reserved -= try folder.write(id, bytes)
            } catch  where error.number == .noSpace || error.number == .quotaExceeded {
                try budget.shrink()
                open.closeRemoved()
                reserved -= try folder.write(id, bytes)
            }
            if reserved > 0 { budget.giveBack(reserved) }
        } catch {
            budget.giveBack(reserved)
            // The disk is full, and room was wanted of a cache that another process holds.
            if error.number == .wouldBlock { return decline() }
            budget.rest()
            report(.cannotWrite(directory: directory, cause: error))
        }
    }

    /// Waits a while for room that is being made, and for another process that holds the cache; not twice for the same.
    private func reserve(_ bytes: Int) throws(SystemCallError) -> CacheBudget.Reservation {
        let now = MonotonicClock.nanoseconds
        let end = isHeld.load(ordering: .relaxed) ? now : now + patience
        while true {
            let result = try budget.reserve(bytes)
            guard case .soon = result else {
                isHeld.store(false, ordering: .relaxed)
                return result
            }
            if MonotonicClock.nanoseconds >= end {
                isHeld.store(true, ordering: .relaxed)
                return result
            }
            MonotonicClock.pause(milliseconds: 10)
        }
    }

    private func decline() {
        declinedBlocks.add(1, ordering: .relaxed)
        report(.declined(directory: directory))
    }

    /// Removes a damaged block and counts it.
    private func drop(_ id: BlockID) {
        open.forget(id)
        // One that stays is hashed at each use, and never handed out.
        if let size = try? folder.remove(id) { budget.giveBack(size) }
        repairs.add(1, ordering: .relaxed)
        budget.countRepair()
        report(.repaired(id))
    }

    /// Opens a block's file and keeps it open if the block has been verified; nil when it is not stored. One that has a ledger is to be
    /// verified again: its name says nothing of what is in the file now.
    private func file(of request: BlockRequest) -> FileHandle? {
        do throws(SystemCallError) {
            let file = try folder.open(request.id)
            if request.ledger == nil, open.look(up: request.id).isVerified { open.insert(request.id, file) }
            return file
        } catch {
            open.forget(request.id)
            switch error.number {
            case .noSuchFile: break
            // Something else has the block's name: a link, a folder.
            case .isALink, .notAFolder, .isAFolder, .noSuchDevice: drop(request.id)
            default: report(.cannotRead(directory: directory, cause: error))
            }
            return nil
        }
    }

    func report(_ warning: CacheWarning) {
        guard let observer else { return }
        if let kind = warning.kind, !reported.withLock({ $0.insert(kind).inserted }) { return }
        observer(warning)
    }

    func forget(_ id: BlockID) { open.forget(id) }

    /// Has a thread move what earlier versions put elsewhere, once, beside whatever else is done.
    /// - Parameter session: that begins.
    func moveOldBlocks(for session: String) {
        guard folder.hasOldPlaces, !isMoving.exchange(true, ordering: .relaxed) else { return }
        // Without a thread it is moved by the next walk; and what fails is found where it is.
        try? WorkerThread.start(name: "move cache") { [folder] in
            // As said above.
            try? folder.moveOldBlocks(for: session)
        }
    }
}
