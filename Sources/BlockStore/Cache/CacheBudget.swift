import ContentAddress
import Linux
import Synchronization

/// How much may be written. Bytes are granted in advance, out of an accounting that all processes share under one flock,
/// so that the cache never grows past its limit and most writes take no lock between processes.
final class CacheBudget: Sendable {
    /// The most bytes granted at once.
    private static let largestGrant = 16 << 20
    /// Nanoseconds without a try after room could not be made: a walk for every block would be slow.
    private static let pause: UInt64 = 5_000_000_000
    /// The part of a limit that is still free when room is made ahead.
    static let shortage = 16
    /// The part of a limit that may be used beyond it while room is being made.
    private static let excess = 64

    /// What became of a wish to write.
    enum Reservation {
        /// `wantsTidying`: there is little room left, or the accounting is old.
        case made(wantsTidying: Bool)
        /// Room is being made beside the writers, or another process holds the lock.
        case soon
        case refused
    }

    struct Grant: Sendable {
        var bytes = 0
        var pausedUntil: UInt64 = 0
        var repaired = 0
    }

    let folder: CacheFolder
    let limit: CacheLimit
    /// Bytes of a limit from which on room is made before it is needed.
    let tidiesFrom: Int
    let ledgers: LedgerFolder?
    let neighbour: (any CacheNeighbour)?
    let evicted: @Sendable (BlockID) -> Void
    private let renewed: @Sendable () -> Void
    private let grant = Mutex(Grant())
    /// What a grant gets back and has to report, from threads that may not wait for the one that holds it.
    private let returned = Atomic(0)
    private let repairs = Atomic(0)
    let isTidying = Atomic(false)
    /// In ``MonotonicClock`` nanoseconds.
    let nextTidying = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - neighbour: what lies beside the blocks; nil for nothing.
    ///   - evicted: called for each block that was removed, under the locks; it must be short.
    ///   - renewed: called after each new grant: the time to look what others evicted.
    init(
        folder: CacheFolder, limit: CacheLimit, tidiesFrom: Int, ledgers: LedgerFolder?,
        neighbour: (any CacheNeighbour)? = nil,
        evicted: @escaping @Sendable (BlockID) -> Void,
        renewed: @escaping @Sendable () -> Void
    ) {
        self.folder = folder
        self.renewed = renewed
        self.limit = limit
        self.tidiesFrom = tidiesFrom
        self.ledgers = ledgers
        self.neighbour = neighbour
        self.evicted = evicted
    }

    /// Takes bytes out of the grant, gets a new one when it is used up, and evicts when there is none to get. Waits for no other
    /// process.
    func reserve(_ bytes: Int) throws(SystemCallError) -> Reservation {
        let result = try grant.withLock { grant throws(SystemCallError) -> Reservation in
            collect(&grant)
            if grant.bytes >= bytes {
                grant.bytes -= bytes
                return .made(wantsTidying: false)
            }
            guard grant.pausedUntil <= MonotonicClock.nanoseconds else { return .refused }
            // Whatever goes wrong, the next block need not find out again.
            grant.pausedUntil = MonotonicClock.nanoseconds + CacheBudget.pause
            let result: Reservation
            do throws(SystemCallError) {
                result = try extend(&grant, by: bytes - grant.bytes)
            } catch  where error.number == .wouldBlock {
                result = .soon
            }
            if case .refused = result { return result }
            grant.pausedUntil = 0
            guard case .made = result else { return result }
            grant.bytes -= bytes
            renewed()
            return result
        }
        if case .made(wantsTidying: true) = result { tidy() }
        return result
    }

    private func collect(_ grant: inout Grant) {
        grant.bytes += returned.exchange(0, ordering: .relaxed)
        grant.repaired += repairs.exchange(0, ordering: .relaxed)
    }

    /// Returns what was reserved and not written, or what was removed.
    func giveBack(_ bytes: Int) {
        returned.add(bytes, ordering: .relaxed)
    }

    /// Stops writing for a while, after a write that failed.
    func rest() {
        grant.withLock { $0.pausedUntil = MonotonicClock.nanoseconds + CacheBudget.pause }
    }

    /// Counts a damaged block; the shared count learns it with the next grant.
    func countRepair() {
        repairs.add(1, ordering: .relaxed)
    }

    /// Evicts a tenth, for a file system that is full though the limit is not reached.
    /// - Throws: EWOULDBLOCK when another process holds the lock.
    func shrink() throws(SystemCallError) {
        try grant.withLock { grant throws(SystemCallError) in
            collect(&grant)
            let own = grant.bytes
            try exclusively(&grant, patience: 0) { (root, usage) throws(SystemCallError) in
                let used = usage.used
                if makeRoomBeside((used + besides) / 10) > 0 { return }
                _ = try evict(root, own: own, &usage) { grants in (used - grants) * 9 / 10 }
            }
        }
    }

    /// Evicts until at most so many bytes are used, of blocks and of what lies beside them; nil means the limit.
    /// - Returns: bytes freed.
    func prune(to target: Int?) throws(SystemCallError) -> Int {
        try grant.withLock { grant throws(SystemCallError) in
            collect(&grant)
            let own = grant.bytes
            return try exclusively(&grant) { (root, usage) throws(SystemCallError) in
                let beside = besides
                let space = try FileSystemSpace(of: root)
                let most = target ?? limit.bytes(used: usage.used + beside, space: space)
                let freed = makeRoomBeside(usage.used + beside - most)
                return try evict(root, own: own, &usage) { _ in most - besides } + freed
            }
        }
    }

    /// Removes these blocks, but none that is kept.
    /// - Returns: bytes freed.
    /// - Throws: ``SystemCallError``, after all others have been removed, when one cannot be.
    func remove(_ ids: Set<BlockID>) throws(SystemCallError) -> Int {
        try grant.withLock { grant throws(SystemCallError) in
            try exclusively(&grant) { (root, usage) throws(SystemCallError) in
                let kept = try CacheKeepers.kept(in: root)
                var freed = 0
                var failure: SystemCallError?
                for id in ids.subtracting(kept) {
                    do throws(SystemCallError) {
                        guard let size = try folder.remove(id) else { continue }
                        freed += size
                        evicted(id)
                    } catch {
                        failure = failure ?? error
                    }
                }
                usage.used = max(0, usage.used - freed)
                if let failure { throw failure }
                return freed
            }
        }
    }

    /// Runs with the shared lock held, for what else must not happen at the same time as an eviction.
    /// - Parameter patience: seconds after which EWOULDBLOCK is thrown; nil waits for as long as it takes.
    func exclusively<Result: Sendable>(
        patience: Double? = nil, _ body: (Folder) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        try grant.withLock { grant throws(SystemCallError) in
            try exclusively(&grant, patience: patience) { (root, _) throws(SystemCallError) in try body(root) }
        }
    }

    /// Gives an unused grant back to the other processes, and tells them of repairs. For the end of the process's use.
    func release() {
        grant.withLock { grant in
            collect(&grant)
            // The accounting is a hint: it is put right by the next count, which comes once a day.
            guard grant.bytes != 0 || grant.repaired != 0, (try? folder.root(create: false)) != nil else { return }
            let unused = grant.bytes
            grant.bytes = 0
            // As above; and a process that ends does not wait for long.
            try? exclusively(&grant, patience: 0.2) { (_, usage) throws(SystemCallError) in
                usage.used = max(0, usage.used - unused)
            }
        }
    }

    /// Damaged blocks that this process found and the shared count does not know yet.
    var repairedHere: Int { grant.withLock { $0.repaired } + repairs.load(ordering: .relaxed) }

    private func extend(_ grant: inout Grant, by need: Int) throws(SystemCallError) -> Reservation {
        let own = grant.bytes
        var taken = 0
        let result = try exclusively(&grant, patience: 0) { (root, usage) throws(SystemCallError) -> Reservation in
            func room() throws(SystemCallError) -> (bytes: Int, limit: Int, lack: Int) {
                let space = try FileSystemSpace(of: root)
                let limit = roomForBlocks(used: usage.used, space: space)
                let spare = space.available - self.limit.reserve(space)
                return (min(limit - usage.used, spare), limit, max(0, need - spare))
            }
            var now = try room()
            // What lies beside the blocks goes before any of them.
            if now.bytes < need, makeRoomBeside(need - now.bytes) > 0 { now = try room() }
            guard need <= now.limit else { return .refused }
            let wanted = max(need, min(CacheBudget.largestGrant, now.limit / 64))
            if now.bytes < need {
                let isBeingMade = isTidying.load(ordering: .acquiring)
                let isBeside = isBeingMade || now.limit >= tidiesFrom && mayTidy
                if isBeside, need <= now.bytes + now.limit / CacheBudget.excess, now.lack == 0 {
                    // For these seconds a little more than the limit is used, rather than that anybody waits.
                    taken = need
                    usage.used += need
                    return .made(wantsTidying: true)
                }
                if isBeingMade { return .soon }
                let target = min(now.limit * 9 / 10, now.limit - need, usage.used - now.lack)
                // What is granted and not written counts against the target too.
                _ = try evict(root, own: own, &usage) { grants in target - grants }
                now = try room()
            }
            guard now.bytes >= need else { return .refused }
            taken = min(wanted, now.bytes)
            usage.used += taken
            let reachable = usage.used + now.bytes - taken
            let isShort = reachable >= tidiesFrom && now.bytes - taken < reachable / CacheBudget.shortage
            return .made(wantsTidying: isShort || usage.isOld)
        }
        grant.bytes += taken
        return result
    }

    /// Holds the shared lock, and reads the accounting before and writes it after.
    /// - Parameter patience: seconds after which EWOULDBLOCK is thrown; nil waits for as long as it takes.
    func exclusively<Result: Sendable>(
        _ grant: inout Grant, patience: Double? = nil,
        _ body: (Folder, inout CacheUsage) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        for _ in 0..<8 {
            let root = try folder.root(create: true)
            let lock: FileHandle
            do throws(SystemCallError) {
                lock = try root.file("lock", for: .both, .create)
            } catch  where error.number == .noSuchFile {
                continue
            }
            // Each holder opens the file anew: a flock belongs to the open file, so threads exclude each other as well.
            try CacheBudget.take(lock, patience: patience)
            // The folder was removed while we waited: this lock is nobody else's.
            guard try lock.hasName() else { continue }
            let kept = try CacheUsage.read(from: root)
            var usage = kept ?? CacheUsage()
            if !usage.isPossible(space: try FileSystemSpace(of: root)) {
                usage.used = try folder.contents().bytes + grant.bytes
                usage.counted = WallClock.seconds
            }
            let before = usage
            usage.repaired += grant.repaired
            let result: Result
            do throws(SystemCallError) {
                result = try body(root, &usage)
            } catch {
                // What was removed before that is accounted for; what cannot be written is put right by the next count.
                if usage != before, (try? usage.write(to: root)) != nil { grant.repaired = 0 }
                throw error
            }
            if usage != before || kept == nil { try usage.write(to: root) }
            grant.repaired = 0
            return result
        }
        throw SystemCallError(.noSuchFile, call: "flock", subject: "\(folder.path) (it is removed again and again)")
    }

    private static func take(_ lock: FileHandle, patience: Double?) throws(SystemCallError) {
        let isTaken =
            if let patience {
                try lock.lock(exclusive: true, within: Int(patience * 1000))
            } else {
                try lock.lock(exclusive: true, wait: true)
            }
        guard isTaken else { throw SystemCallError(.wouldBlock, call: "flock", subject: "lock") }
    }
}
