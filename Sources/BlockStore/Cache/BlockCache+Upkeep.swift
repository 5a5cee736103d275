import ContentAddress
import Linux
import Synchronization

/// What the commands do with a cache. All calls may wait for the disk; all but those about pins walk through the folder.
extension BlockCache {
    /// - Throws: ``SystemCallError``; a cache that does not exist is empty.
    package func status() throws -> CacheStatus {
        guard let root = try existingRoot() else {
            let beside = budget.besides
            let limit = budget.limit.bytes(used: beside, space: try spaceAhead())
            return CacheStatus(
                directory: directory, limit: limit, used: beside, blocks: 0, pinned: 0, repaired: repaired)
        }
        let contents = try folder.contents()
        let used = contents.bytes + budget.besides
        let pinned = try CacheKeepers.pinned(in: root)
        let limit = budget.limit.bytes(used: used, space: try FileSystemSpace(of: root))
        return CacheStatus(
            directory: directory, limit: limit, used: used, blocks: contents.blocks.count,
            pinned: contents.blocks.count { pinned.contains($0.id) },
            repaired: (try CacheUsage.read(from: root)?.repaired ?? 0) + budget.repairedHere)
    }

    /// The most bytes that the cache may hold now, as far as that can be seen: for what is shown and for estimates.
    package var limit: Int {
        // "As far as that can be seen"; so below.
        guard let root = try? existingRoot(), let space = try? FileSystemSpace(of: root) else {
            // The same.
            return (try? spaceAhead()).map { budget.limit.bytes(used: budget.besides, space: $0) } ?? 0
        }
        // The same.
        let used = (try? CacheUsage.read(from: root))?.used ?? 0
        return budget.limit.bytes(used: used + budget.besides, space: space)
    }

    /// Whether so many bytes can be added without evicting anything: by the accounting, without a walk.
    package func hasRoom(for bytes: Int) -> Bool {
        // An estimate: each write asks the accounting anew, and is refused where this was wrong.
        guard let root = try? existingRoot(), let space = try? FileSystemSpace(of: root) else { return bytes <= limit }
        // The same.
        let used = ((try? CacheUsage.read(from: root))?.used ?? 0) + budget.besides
        return used + bytes <= budget.limit.bytes(used: used, space: space)
            && bytes <= space.available - budget.limit.reserve(space)
    }

    /// Hashes every block and removes the damaged ones.
    ///
    /// A name does not say which algorithm made it, so a match of any is good; or that it is what a ledger says of a piece.
    /// - Parameter progress: called after each block with the number done and the number of all.
    /// - Throws: ``SystemCallError``, after all others have been looked at, when one cannot be read: that says nothing about its bytes, and it
    ///   stays.
    package func verify(
        progress: (_ checked: Int, _ total: Int) -> Void = { _, _ in }
    ) throws -> (checked: Int, removed: Int) {
        guard try existingRoot() != nil else { return (0, 0) }
        let blocks = try folder.contents().blocks
        var checked = 0
        var removed = 0
        var failure: SystemCallError?
        var known: [PieceKey: PieceLedger?] = [:]
        for block in blocks {
            do throws(SystemCallError) {
                switch try isIntact(block, &known) {
                case .some(false):
                    forget(block.id)
                    if let size = try folder.remove(block.id) { budget.giveBack(size) }
                    budget.countRepair()
                    removed += 1
                    checked += 1
                case .some(true): checked += 1
                // Evicted meanwhile.
                case nil: break
                }
            } catch {
                let subject = "\(folder.path)/v1/\(block.id.hex.prefix(2))/\(block.id.hex)"
                failure = failure ?? SystemCallError(code: error.code, call: error.call, subject: subject)
            }
            progress(checked, blocks.count)
        }
        budget.release()
        if let failure { throw failure }
        return (checked, removed)
    }

    /// Evicts the blocks used longest ago until at most so many bytes are left; nil means the limit. Pins and the blocks
    /// of running sessions stay.
    /// - Returns: bytes freed.
    /// - Throws: ``SystemCallError``.
    @discardableResult
    package func prune(to bytes: Int? = nil) throws -> Int {
        guard try existingRoot() != nil else { return 0 }
        return try budget.prune(to: bytes)
    }

    /// Removes blocks by name. Pins and the blocks of running sessions stay.
    /// - Returns: bytes freed.
    /// - Throws: ``SystemCallError``.
    package func remove(_ ids: Set<BlockID>) throws -> Int {
        guard try existingRoot() != nil, !ids.isEmpty else { return 0 }
        return try budget.remove(ids)
    }

    /// Removes all pins, all blocks but those of running sessions, and what lies beside them.
    /// - Parameter keeps: which pins stay, and with them their blocks; none by default.
    /// - Returns: bytes freed.
    /// - Throws: ``SystemCallError``.
    @discardableResult
    package func clear(keeping keeps: (_ pin: String) -> Bool = { _ in false }) throws -> Int {
        guard try existingRoot() != nil else { return budget.makeRoomBeside(.max) }
        for name in try pins() where !keeps(name) { try unpin(name) }
        forgetPresence()
        return try budget.prune(to: 0)
    }

    /// Keeps blocks from eviction until ``unpin(_:)``, whether they are stored yet or not. A pin of the same name is replaced.
    /// - Throws: ``SystemCallError``.
    package func pin(_ name: String, _ ids: some Sequence<BlockID>) throws {
        try budget.exclusively { (root) throws(SystemCallError) in try CacheKeepers.pin(name, ids, in: root) }
    }

    /// - Returns: false when there was no such pin.
    /// - Throws: ``SystemCallError``.
    @discardableResult
    package func unpin(_ name: String) throws -> Bool {
        guard try existingRoot() != nil else { return false }
        return try budget.exclusively { (root) throws(SystemCallError) in try CacheKeepers.unpin(name, in: root) }
    }

    /// The names of all pins, sorted.
    /// - Throws: ``SystemCallError``.
    package func pins() throws -> [String] {
        guard let root = try existingRoot() else { return [] }
        return try CacheKeepers.pins(in: root)
    }

    /// Keeps the blocks of a session from eviction while the result lives; a crash ends it too.
    /// - Throws: ``SystemCallError``; EWOULDBLOCK when a running session has this name, or another process holds the cache for
    ///   seconds.
    package func protect(_ name: String, _ ids: some Sequence<BlockID>) throws -> CacheProtection {
        defer { moveOldBlocks(for: name) }
        return try budget.exclusively(patience: 3) { (root) throws(SystemCallError) in
            try CacheKeepers.protect(name, ids, in: root)
        }
    }

    /// Waits until no other process holds the cache, and this one makes no room in it.
    /// - Returns: false when one does so for longer than that, or when the cache cannot be locked at all.
    package func isFree(within seconds: Double) -> Bool {
        let end = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
        while true {
            if !budget.isTidying.load(ordering: .acquiring) {
                do throws(SystemCallError) {
                    try budget.exclusively(patience: 0) { _ in }
                    return true
                } catch {
                    if error.number != .wouldBlock { return false }
                }
            }
            if MonotonicClock.nanoseconds >= end { return false }
            MonotonicClock.pause(milliseconds: 100)
        }
    }

    private func existingRoot() throws(SystemCallError) -> Folder? {
        do {
            return try folder.root(create: false)
        } catch  where error.number == .noSuchFile {
            return nil
        }
    }

    /// The file system that the cache's folder will be on when it is made.
    private func spaceAhead() throws(SystemCallError) -> FileSystemSpace {
        var path = Substring(directory)
        while let slash = path.lastIndex(of: "/"), slash != path.startIndex, try !Paths.isThere(String(path)) {
            path = path[..<slash]
        }
        let nearest = try Paths.isThere(String(path)) ? String(path) : directory.hasPrefix("/") ? "/" : "."
        return try FileSystemSpace(of: Folder(path: nearest))
    }

    /// Nil when the block is gone.
    /// - Throws: ``SystemCallError`` when it cannot be read.
    private func isIntact(
        _ block: CachedBlock, _ known: inout [PieceKey: PieceLedger?]
    ) throws(SystemCallError) -> Bool? {
        // No block is longer (BlockSize.longestReadable).
        guard block.size <= 67_108_864 else { return false }
        let file: FileHandle
        do {
            file = try folder.open(block.id)
        } catch  where error.number == .noSuchFile {
            return nil
        }
        var count = 0
        let bytes = try BlockBytes(length: block.size) { (buffer) throws(SystemCallError) in
            count = try file.read(into: buffer, at: 0)
        }
        guard count == block.size else { return false }
        let isNamed = bytes.withUnsafeBytes { bytes in
            DigestAlgorithm.allCases.contains { $0.blockID(of: bytes) == block.id }
        }
        guard !isNamed, let ledgers else { return isNamed }
        let key = PieceKey(of: block.id)
        let ledger = known[key] ?? ledgers.ledger(of: key)
        known[key] = .some(ledger)
        return bytes.withUnsafeBytes { ledger?.matches(block.id, $0) ?? false }
    }
}

/// What lies in a cache, by a walk through its folder.
package struct CacheStatus: Sendable, Equatable {
    package let directory: String
    /// Bytes it may keep now.
    package let limit: Int
    /// Bytes it keeps, of blocks and of what lies beside them.
    package let used: Int
    /// Number of blocks.
    package let blocks: Int
    /// Number of those that a pin keeps.
    package let pinned: Int
    /// Damaged blocks found and dropped since the cache was made.
    package let repaired: Int
}
