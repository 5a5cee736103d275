import Linux
import Synchronization

/// Making room at once, for a write that needs it now.
extension CacheBudget {
    /// Removes the blocks that were used longest ago, but none that is kept. Call it under the lock.
    ///
    /// `usage` says afterwards what a walk found to be left, and the grants: our own, and what the accounting had beyond
    /// the files, which others are about to write. An eighth bounds that, for grants that died with their process.
    /// - Parameter target: bytes of files to be left at most, given the bytes of grants.
    /// - Returns: bytes freed.
    /// - Throws: ``SystemCallError``, after all others have been tried, when a block cannot be removed and the target is missed.
    func evict(
        _ root: Folder, own: Int, _ usage: inout CacheUsage, target: (_ grants: Int) -> Int
    ) throws(SystemCallError) -> Int {
        let contents = try folder.contents()
        let before = contents.bytes
        let grants = own + max(0, min(usage.used - before - own, usage.used / 8))
        let target = max(0, target(grants))
        var used = before
        defer {
            usage.used = used + grants
            usage.counted = WallClock.seconds
        }
        guard used > target else { return 0 }
        let kept = try CacheKeepers.kept(in: root)
        var failure: SystemCallError?
        for block in order.sorted(contents.blocks) where !kept.contains(block.id) {
            guard used > target else { break }
            do throws(SystemCallError) {
                guard try folder.remove(block.id) != nil else { continue }
                used -= block.size
                evicted(block.id)
            } catch {
                failure = failure ?? error
            }
        }
        if used > target, let failure { throw failure }
        return before - used
    }

    private var order: EvictionOrder { EvictionOrder(unfinished: ledgers?.unfinished() ?? []) }
}

/// Making room before there is none, and counting anew, beside the writers: to walk through a million blocks takes seconds, in
/// which nobody may have to wait.
extension CacheBudget {
    /// Blocks that are removed while the shared lock is held once: pins and protections are read each time, and writers that
    /// find it held try again.
    private static let batch = 1024
    /// Nanoseconds until the next walk: what cannot be evicted now cannot be in a moment.
    private static let rest: UInt64 = 60_000_000_000

    /// Whether the last walk was long enough ago.
    var mayTidy: Bool { nextTidying.load(ordering: .relaxed) <= MonotonicClock.nanoseconds }

    /// Starts a walk, unless one is under way in this process or was not long ago.
    func tidy() {
        guard mayTidy, !isTidying.exchange(true, ordering: .acquiringAndReleasing) else { return }
        nextTidying.store(MonotonicClock.nanoseconds + CacheBudget.rest, ordering: .relaxed)
        do {
            try WorkerThread.start(name: "tidy cache") { [self] in
                defer { isTidying.store(false, ordering: .releasing) }
                // What fails here fails where room is needed, and is reported there.
                try? walk()
            }
        } catch {
            isTidying.store(false, ordering: .releasing)
        }
    }

    private func walk() throws {
        let before = try CacheUsage.read(from: try folder.root(create: false))?.used ?? 0
        let contents = try folder.contents()
        // What the accounting had beyond the files may be grants, or what a crash left; and there is what came meanwhile.
        let grants = min(max(0, before - contents.bytes), before / 8)
        try recount { $0 = max(0, contents.bytes + grants + $0 - before) }
        try tidyBeside()
        let oldest = order.sorted(contents.blocks)
        for start in stride(from: 0, to: oldest.count, by: CacheBudget.batch) {
            guard try evict(oldest[start..<min(start + CacheBudget.batch, oldest.count)]) else { return }
        }
    }

    /// Removes what lies beside the blocks, as far as room is wanted.
    private func tidyBeside() throws(SystemCallError) {
        var nothing = Grant()
        try exclusively(&nothing) { (root, usage) throws(SystemCallError) in
            let beside = besides
            let reachable = limit.reachable(used: usage.used + beside, space: try FileSystemSpace(of: root))
            _ = makeRoomBeside(usage.used + beside - reachable * 9 / 10)
        }
    }

    private func recount(_ change: @Sendable (inout Int) -> Void) throws(SystemCallError) {
        var nothing = Grant()
        try exclusively(&nothing) { (_, usage) throws(SystemCallError) in
            guard usage.isOld else { return }
            change(&usage.used)
            usage.counted = WallClock.seconds
        }
    }

    /// Removes blocks that nobody has used since the walk and nobody keeps.
    /// - Returns: whether more room is wanted.
    private func evict(_ blocks: ArraySlice<CachedBlock>) throws(SystemCallError) -> Bool {
        var nothing = Grant()
        return try exclusively(&nothing) { (root, usage) throws(SystemCallError) in
            let space = try FileSystemSpace(of: root)
            let target = reachableForBlocks(used: usage.used, space: space) * 9 / 10
            guard usage.used > target else { return false }
            let kept = try CacheKeepers.kept(in: root)
            for block in blocks where usage.used > target && !kept.contains(block.id) {
                // One that cannot be removed must not keep the others; it is reported where room is needed.
                guard folder.entry(block.id)?.modified == block.lastUse, let size = try? folder.remove(block.id) else {
                    continue
                }
                usage.used = max(0, usage.used - size)
                evicted(block.id)
            }
            return true
        }
    }
}
