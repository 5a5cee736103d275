import BlockStore
import Catalog
import ContentAddress
import ImageIndex
import ImageMount
import Linux

/// What a session fetches ahead of the guest: the boot pack and the boot set while it starts, and the rest of the image once it has started.
struct SessionPrefetch: Sendable {
    /// Seconds of a quiet disk after which a start counts as over even if much of the boot set was not read.
    private static let longestStart = 60

    let key: VersionKey
    /// By first touch; empty when nobody has recorded this version.
    let bootSet: [IndexedBlock]
    /// Nil where all comes from blocks.
    let packed: PackedPages?
    private var prefetch: Prefetch
    private let recorder: BootRecorder
    private let library: BootSetLibrary
    private let state: SessionState

    /// - Parameter isKept: whether it is a machine's base, all of which should be here.
    init(
        version: SessionImage, mounted: SessionDisk.Mounted, cache: BlockCache, library: BootSetLibrary,
        state: SessionState, isKept: Bool = false
    ) {
        key = VersionKey(version.chosen)
        packed = mounted.packed
        bootSet = SessionPrefetch.affordable(version.bootSet, in: cache)
        prefetch = mounted.stores.prefetch(of: version.index, mounted.states)
        prefetch.isPinned = isKept
        prefetch.reader = mounted.packed == nil ? nil : mounted.image.reader
        recorder = mounted.recorder
        self.library = library
        self.state = state
    }

    /// The part of the boot set that fits into the cache beside other things: more would evict what came first.
    private static func affordable(_ blocks: [IndexedBlock], in cache: BlockCache) -> [IndexedBlock] {
        var room = cache.limit / 4 * 3
        return Array(
            blocks.prefix { block in
                room -= block.length
                return room >= 0
            })
    }

    /// Fetches the boot set. Returns when it is stored. Where there is a boot pack its pieces come first, and then what it has no page of.
    func fetchBootSet(parallel: Int) async {
        guard !bootSet.isEmpty else { return }
        var blocks = bootSet
        if let packed {
            let others = bootSet.count { !packed.covers($0) }
            state.begin(bootSetBlocks: packed.pieces.count + others)
            await prefetch.pieces(of: packed, parallel: parallel) { state.bootSetBlockDone() }
            // Among them are those of which a piece could not be had.
            blocks = bootSet.filter { !packed.covers($0) }
            state.addBootSet(blocks: blocks.count - others)
        } else {
            state.begin(bootSetBlocks: blocks.count)
        }
        await prefetch.bootSet(blocks, parallel: parallel) { state.bootSetBlockDone() }
    }

    /// Records the boot, and fetches the rest of the image when it is over.
    /// - Parameters:
    ///   - fetchesRest: whether the user wants the whole image stored.
    ///   - isSoonGone: whether the servers have the image only for days: then its rest is not put off.
    ///   - records: whether it is a boot.
    func followBoot(
        fetchesRest: Bool, isSoonGone: Bool, records: Bool = true, cpuSeconds: @Sendable () async -> Double?
    ) async {
        if !records {
            if fetchesRest { await fetchRest() }
            return
        }
        await withTaskGroup(of: Void.self) { group in
            if fetchesRest && isSoonGone { group.addTask { await fetchRest() } }
            // Cancelled: the session ends.
            guard let touched = try? await recorder.finish(cpuSeconds: cpuSeconds) else { return }
            // The boot set last: who waits for it finds the pages beside it. A state folder that cannot be written costs the next boot
            // some time, not this one.
            try? library.record(recorder.pages, for: key)
            // As above.
            try? library.record(touched, for: key)
            guard fetchesRest && !isSoonGone else { return }
            await waitForStart()
            await fetchRest()
        }
    }

    /// Seconds between two tries to fetch all of a machine's base, at first and at most.
    private static let pauses = (first: 30, longest: 1800)
    /// Seconds after which somebody else's finding is seen.
    private static let step = 5

    /// Fetches what is not here, behind what the guest reads. Of a machine's base it is tried until all has come.
    func fetchRest() async {
        await prefetch.rest()
        var pause = SessionPrefetch.pauses.first
        // Of a file that was found wrong nothing comes any more: who follows it has to hear that.
        while prefetch.isPinned, prefetch.ledger?.isWrong != true, prefetch.states.hereCount < prefetch.index.count {
            for _ in 0..<pause / SessionPrefetch.step where prefetch.ledger?.isWrong != true {
                do { try await Task.sleep(for: .seconds(SessionPrefetch.step)) } catch { return }
            }
            pause = min(2 * pause, SessionPrefetch.pauses.longest)
            if prefetch.ledger?.isWrong != true { await prefetch.rest() }
        }
    }

    /// The disk may be quiet because a slow machine is computing: the start is over when most of what it is known to read has been
    /// read.
    private func waitForStart() async {
        let positions = bootSet.map(\.position)
        for _ in 0..<SessionPrefetch.longestStart {
            let read = prefetch.states.readCount(of: positions)
            if read * 10 >= positions.count * 8 || Task.isCancelled { return }
            // Cancelled: seen above.
            try? await Task.sleep(for: .seconds(1))
        }
    }
}

extension Configuration {
    /// Whether the rest of an image is fetched beside its guest. Waits for NetworkManager, on a thread of its own.
    package func fetchesRest() async -> Bool {
        guard prefetchRest == "auto" else { return prefetchRest != "never" }
        // Without a thread to find out, the connection counts as unmetered.
        return (try? await WorkerThread.run(name: "metered") { !MeteredNetwork.isMetered() }) ?? true
    }
}

/// Whether the user pays by the byte.
package enum MeteredNetwork {
    /// What NetworkManager knows of the connection in use; false where there is no NetworkManager. Waits for it.
    package static func isMetered() -> Bool {
        // Without an answer, or anything to ask with, the connection counts as unmetered.
        let answer = try? ChildProcess.run(
            "/usr/bin/busctl",
            [
                "--timeout=2", "--auto-start=no", "get-property", "org.freedesktop.NetworkManager",
                "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Metered",
            ])
        guard let answer, answer.ending == .exited(0) else { return false }
        return isMetered(answer: String(decoding: answer.output, as: UTF8.self))
    }

    /// - Parameter answer: `u N` with N of NMMetered: 1 yes, 2 no, 3 guessed yes, 4 guessed no, 0 unknown.
    static func isMetered(answer: String) -> Bool {
        let words = answer.split { $0 == " " || $0 == "\n" }
        return words.count == 2 && words[0] == "u" && (words[1] == "1" || words[1] == "3")
    }
}
