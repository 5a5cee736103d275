import Glibc
import Linux

/// Making room at once, for who needs it now.
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
            usage.counted = time(nil)
        }
        guard used > target else { return 0 }
        let kept = try CacheKeepers.kept(in: root)
        var failure: SystemCallError?
        for block in contents.blocks.sorted(by: { $0.lastUse < $1.lastUse }) where !kept.contains(block.id) {
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
}
