import BlockStore
import Curl
import ImageIndex
import Linux
import Synchronization
import Vendors

/// What a session finds out about a vendor's file: whether all of it, once it is here, is what its vendor says.
///
/// Until then each piece is what it was when it first came. A wrong file ends the guest: what it has read may be anybody's.
final class SessionVerification: Sendable {
    private let version: SessionImage
    private let file: PinnedFile
    /// Nil for a file whose pieces are all verified, which need not be looked at again.
    private let library: VendorLibrary?
    private let notes: VendorNotes
    private let cache: BlockCache
    private let directory: SessionDirectory
    private let state: SessionState
    private let signals: AsyncStream<SessionSignal>.Continuation
    private let log: @Sendable (String) -> Void
    private let machine: SessionMachine?
    private let wrong = Mutex<Finding?>(nil)
    private let absence: FileAbsence
    private let lastLine = Mutex("")

    private struct Finding {
        /// For the user.
        let message: String
        /// For the note.
        let reason: String
        var isNoted = false
    }

    /// Seconds between the first two looks, and the most between later ones.
    private static let pauses = (first: 30, longest: 1800)
    /// Seconds after which somebody else's finding is seen.
    private static let step = 5

    /// Nil where each block is verified as it comes, by what a catalog signed, and where the file was judged before it was unpacked.
    init?(
        _ version: SessionImage, library: VendorLibrary?, places: Places, cache: BlockCache,
        directory: SessionDirectory, state: SessionState, signals: AsyncStream<SessionSignal>.Continuation,
        machine: SessionMachine? = nil, log: @escaping @Sendable (String) -> Void
    ) {
        guard let file = version.image.file, library != nil || file.source.trust >= .pieces else { return nil }
        guard !version.image.isUnpacked else {
            state.update {
                $0.trust = file.source.trust
                $0.verified = file.standingWhenUnpacked == .verified
            }
            return nil
        }
        (self.version, self.file, self.library, self.cache) = (version, file, library, cache)
        (self.directory, self.state, self.signals, self.log) = (directory, state, signals, log)
        self.machine = machine
        notes = VendorNotes(places: places)
        absence = FileAbsence(file, notes)
        let isVerified = file.source.trust >= .pieces || notes.standing(of: file, version.ledger) == .verified
        state.update {
            $0.trust = file.source.trust
            $0.verified = isVerified
        }
    }

    /// One of the vendor's servers does not have the file any more. From any thread.
    /// - Parameter place: where it is not.
    /// - Returns: what the user is told; nil where somebody may have it still.
    func fileIsMissing(at place: String) -> String? {
        guard absence.note(place) else { return nil }
        return
            "the vendor no longer offers \(title): \(place) does not exist. The guest waits for what has not arrived; if it does "
            + "not come back, end the guest and boot a newer build"
    }

    /// The guest has read what it wanted. Waits for the disk.
    func settle(_ stores: BlockStores) { if !version.chosen.source.isVendors { absence.settle(stores) } }

    /// Looks at the file until it is known what it is, or the task is cancelled.
    /// - Parameter fetchRest: fetches again what is missing by then.
    func follow(_ stores: BlockStores, fetchRest: () async -> Void) async {
        var pause = SessionVerification.pauses.first
        while !Task.isCancelled {
            if await check(stores) { return }
            var waited = 0
            while waited < pause, version.ledger?.isWrong != true {
                do { try await Task.sleep(for: .seconds(SessionVerification.step)) } catch { return }
                waited += SessionVerification.step
            }
            pause = min(2 * pause, SessionVerification.pauses.longest)
            if version.ledger?.isWrong != true { await fetchRest() }
        }
    }

    /// Looks at the file once.
    /// - Returns: whether another look would find nothing else.
    private func check(_ stores: BlockStores) async -> Bool {
        guard let library, notes.standing(of: file, version.ledger) == nil else { return true }
        await stores.caching.settle(within: .seconds(60))
        do {
            let finding = try await file.check(
                version.index, version.ledger, cache: cache, library: library)
            switch finding {
            case .right:
                try notes.noteRight(file, version.ledger)
                if FileStanding(ofRight: file) == .verified {
                    state.update { $0.verified = true }
                    note("verified: all of \(title) is here, and is what its vendor says")
                } else {
                    note(
                        "all of \(title) is here, and fits the digests that its vendor publishes, which nobody has signed"
                    )
                }
                return true
            case .wrong(let reason):
                condemn(reason)
                return true
            case .unknown:
                note("all of \(title) is here; its vendor publishes no digest that it could be compared with")
                return true
            case .incomplete:
                note("\(title) is not verified yet: not all of its \(version.index.count) pieces are in the cache")
                return false
            case .unverifiable(let reason, let isPassing):
                note("warning: all of \(title) is here, but could not be verified: \(reason)")
                return !isPassing
            }
        } catch is CancellationError {
            return true
        } catch {
            note("warning: \(title) could not be verified: \(error)")
            return false
        }
    }

    /// Writes a line to the log, unless it is the one that was written last.
    private func note(_ line: String) {
        let isNew = lastLine.withLock { last in
            defer { last = line }
            return last != line
        }
        if isNew { log(line) }
    }

    /// Ends the guest.
    private func condemn(_ reason: String) {
        let servers = file.servers
        let place =
            machine.map { "stays in the machine \($0.name), which does not start any more" }
            ?? "is kept in \(keptOverlay)"
        let message =
            "all of \(title) has arrived, and is not what its vendor says: \(reason). It came from \(servers). The guest was "
            + "stopped; what it wrote \(place), and is not to be trusted. What had arrived was thrown away: the "
            + "next start fetches it anew"
        let finding = Finding(message: message, reason: "\(reason); it came from \(servers)")
        wrong.withLock { $0 = finding }
        noteWrong()
        signals.yield(.untrue(SessionFailure(exitCode: 65, message: message)))
    }

    /// - Returns: whether it is noted, also in the machines whose base the file is.
    @discardableResult
    private func noteWrong() -> Bool {
        guard let finding = wrong.withLock({ $0 }), !finding.isNoted else { return true }
        do {
            try notes.noteWrong(file, reason: finding.reason)
        } catch {
            log("warning: it cannot be noted that \(title) is wrong: \(error)")
            return false
        }
        wrong.withLock { $0?.isNoted = true }
        return true
    }

    /// Keeps the overlay of a guest that read a wrong file. Call it when the guest has ended.
    func keepOverlay() {
        guard let message = wrong.withLock({ $0?.message }) else { return }
        if let machine { return machine.condemn(message) }
        // What cannot be kept is removed as ever.
        guard (try? Paths.rename(directory.overlay, to: keptOverlay)) != nil else { return }
        // The log says the same.
        try? AtomicFile.write(message + "\n", to: "\(keptOverlay).wrong-digest", mode: 0o600)
    }

    /// Throws away what was fetched of a wrong file. Call it when nobody uses it any more. Waits for the disk.
    func discard() {
        // Machines that do not know of it would go on, on other bytes: all stays then, and is found wrong again.
        guard let library, wrong.withLock({ $0 != nil }), noteWrong() else { return }
        let key = VersionKey(version.chosen)
        do {
            try file.throwAway(version.index, version.ledger, key, cache: cache, library: library)
        } catch {
            // Without the ledger, which is gone, no piece of it is used again.
            log("warning: pieces of \(key) stay in the cache until they are evicted: \(error)")
        }
    }

    /// Not called like a running session's, so that nothing removes it.
    private var keptOverlay: String {
        String(directory.overlay.dropLast(".qcow2".count)) + ".wrong-digest.qcow2"
    }

    private var title: String { "\(file.system)@\(file.version)" }
}

extension PinnedFile {
    /// The servers that it came from, for people.
    var servers: String {
        let hosts = places.compactMap { URLText.host(of: $0.finalURL) }
        return Set(hosts).sorted().joined(separator: " or ")
    }
}
