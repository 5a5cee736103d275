import ContentAddress
import Linux
import Synchronization

/// The cached blocks that this process has open, and those it has verified. Readers of different blocks rarely meet at
/// one of the 64 locks, and hold it only for a look-up.
final class OpenBlocks: Sendable {
    /// Changed only with its shard's lock held; a class, so that a use costs one look-up.
    private final class OpenBlock {
        let file: FileHandle
        var lastUse: UInt64

        init(file: FileHandle, lastUse: UInt64) {
            self.file = file
            self.lastUse = lastUse
        }
    }

    private struct Contents {
        var open: [BlockID: OpenBlock] = [:]
        var verified: Set<BlockID> = []
        /// Counts uses; only the order matters.
        var clock: UInt64 = 0
    }

    private final class Shard: Sendable {
        let contents = Mutex(Contents())
    }

    private let shards = (0..<64).map { _ in Shard() }
    private let openPerShard: Int

    /// - Parameter maximumOpen: files held open at the same time.
    init(maximumOpen: Int) { openPerShard = max(1, maximumOpen / 64) }

    /// The block's open file, if there is one, and whether this process has verified the block.
    func look(up id: BlockID) -> (file: FileHandle?, isVerified: Bool) {
        shard(of: id).contents.withLock { contents in
            contents.clock += 1
            // What is open has been verified.
            guard let block = contents.open[id] else { return (nil, contents.verified.contains(id)) }
            block.lastUse = contents.clock
            return (block.file, true)
        }
    }

    /// Keeps a verified block's file open; the one that was used longest ago closes when there are too many.
    func insert(_ id: BlockID, _ file: FileHandle) {
        // Closed after the lock is given back.
        let closing = shard(of: id).contents.withLock { contents -> FileHandle? in
            var closing: FileHandle?
            if contents.open.count >= openPerShard, contents.open[id] == nil,
                let oldest = contents.open.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
            {
                closing = contents.open.removeValue(forKey: oldest)?.file
            }
            contents.clock += 1
            contents.open[id] = OpenBlock(file: file, lastUse: contents.clock)
            contents.verified.insert(id)
            return closing
        }
        _ = closing
    }

    /// Forgets a block that was removed or is damaged.
    func forget(_ id: BlockID) {
        let closing = shard(of: id).contents.withLock { contents -> FileHandle? in
            contents.verified.remove(id)
            return contents.open.removeValue(forKey: id)?.file
        }
        _ = closing
    }

    /// Closes the files that another process evicted: they hold space until then.
    func closeRemoved() {
        for shard in shards {
            let open = shard.contents.withLock { $0.open.mapValues(\.file) }
            // What cannot be looked at is opened anew when it is wanted.
            for (id, file) in open where (try? file.hasName()) != true { forget(id) }
        }
    }

    private func shard(of id: BlockID) -> Shard { shards[OpenBlocks.shard(of: id)] }

    /// Pieces of one file differ in their last bytes only.
    static func shard(of id: BlockID) -> Int { id.withUnsafeBytes { Int(($0[0] ^ $0[31]) & 63) } }
}
