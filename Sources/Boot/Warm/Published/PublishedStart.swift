import BlockStore
import Catalog
import GuestDomain
import ImageIndex
import ImageMount
import Linux
import Synchronization

/// What a session does about the guests of its version that the publisher has saved. It waits for one that is sooner there than a boot, and
/// what a boot reads is not fetched meanwhile; else it fetches one for the next start, behind everything else.
final class PublishedStart: Sendable {
    private let states: PublishedStates
    private let version: SessionImage
    private let session: String
    private let log: @Sendable (String) -> Void
    private let describe: @Sendable (any Error) -> String
    private let decision = AsyncStream<Void>.makeStream()
    /// One that fits and was not waited for, or what is still looked for; nil for none.
    private let left = Mutex<Looking?>(nil)

    /// Looks for a state, and goes on with that when nobody waits any more.
    typealias Looking = Task<PublishedStates.Finding, any Error>

    /// - Parameters:
    ///   - session: its id.
    ///   - log: writes a line to the session's log.
    ///   - describe: the message for an error.
    init(
        _ states: PublishedStates, _ version: SessionImage, session: String, log: @escaping @Sendable (String) -> Void,
        describe: @escaping @Sendable (any Error) -> String
    ) {
        (self.states, self.version, self.session, self.log) = (states, version, session, log)
        self.describe = describe
    }

    /// What a boot needs may come from now on. May be called several times.
    func decide() { decision.continuation.finish() }

    /// Waits until it is known whether the guest boots.
    func untilDecided() async { for await _ in decision.stream {} }

    /// How long a boot of the version takes here, and what it has to fetch.
    struct Boot: Sendable {
        /// Nil where none was seen.
        let seconds: Double?
        /// See ``SessionPrefetch/bootSet``.
        let blocks: [IndexedBlock]
        /// The boot pack that comes in place of those of which it has pages; nil for none.
        var packed: PackedPages?
        /// Whether bytes that the guest may not need are fetched: not where its user pays for each.
        let fetchesRest: @Sendable () async -> Bool
    }

    /// Fetches the published state that a start asks for, if there is one and it is worth it.
    /// - Returns: whether it is in the library now.
    func bring(_ needs: WarmNeeds, on connection: HypervisorConnection, insteadOf boot: Boot) async -> Bool {
        let (states, chosen) = (states, version.chosen)
        return await bring(insteadOf: boot, Task { try await states.find(chosen, needs, on: connection) })
    }

    /// - Parameter looking: for what there is.
    func bring(insteadOf boot: Boot, _ looking: Looking) async -> Bool {
        var offered: String?
        do {
            guard let found = try await found(looking, within: patience(boot)) else {
                log("the published warm state is not used: its server does not answer at once")
                await leave(looking, boot)
                return false
            }
            guard case .offer(let offer) = found else {
                if case .misfit(let reason) = found { log("the published warm state is not used: \(reason)") }
                return false
            }
            offered = offer.key
            let price = try await price(offer, boot)
            guard await boot.fetchesRest() || price.stateBytes <= price.bootBytes else {
                log("the published warm state is not used: it has more bytes than the guest is known to need")
                return false
            }
            log(
                "the warm state that its publisher saved is fetched: \(offer.bytes) bytes; a boot takes \(price.bootSeconds) s"
            )
            let isHere = try await states.bring(offer, while: price, name: session) { _ in }
            // Another session may have brought it meanwhile.
            if !isHere, states.library.isUsable(offer.key) { return true }
            if !isHere {
                log("the guest boots sooner than the published warm state comes")
                await leave(looking, boot)
            }
            return isHere
        } catch is CancellationError {
            return false
        } catch {
            if let offered, states.library.isUsable(offered) { return true }
            log("the published warm state is not used: \(describe(error))")
            return false
        }
    }

    /// The guest runs: what was not waited for may come when what its boot reads is here.
    /// - Parameter fetching: ends then.
    func settle(_ fetching: Task<Void, Never>, _ teardown: Teardown) async {
        decide()
        guard left.withLock({ $0 != nil }) else { return }
        let rest = Task {
            await fetching.value
            await bringRest()
        }
        await teardown.add { rest.cancel() }
    }

    /// Keeps one for the next start, unless its user pays for each byte.
    private func leave(_ looking: Looking, _ boot: Boot) async {
        guard await boot.fetchesRest() else { return looking.cancel() }
        left.withLock { $0 = looking }
    }

    func bringRest() async {
        guard let looking = left.withLock({ $0 }) else { return }
        do {
            let found = try await withTaskCancellationHandler {
                try await looking.value
            } onCancel: {
                looking.cancel()
            }
            guard case .offer(let offer) = found, !states.library.isUsable(offer.key) else { return }
            try await states.bringBehind(offer, name: session)
            log("the published warm state is here for the next start")
        } catch {
            // The next start tries again.
            log("the published warm state was not fetched: \(describe(error))")
        }
    }

    /// Seconds that a server has to answer for a record of a few thousand bytes, and an index: what is kept of them is here at once. Who waits
    /// for a long boot anyway has more of them.
    private func patience(_ boot: Boot) -> Duration {
        let published = version.chosen.version.warm.map(\.bootSeconds).max() ?? 0
        return .seconds(min(max((boot.seconds ?? min(published, WarmPrice.mostUnseen)) / 20, 0.4), 1.5))
    }

    /// - Returns: nil where that takes longer; it goes on then.
    /// - Throws: what it has thrown by then; CancellationError.
    private func found(_ looking: Looking, within patience: Duration) async throws -> PublishedStates.Finding? {
        let first = AsyncThrowingStream<PublishedStates.Finding?, any Error>.makeStream()
        let waiting = Task {
            do {
                first.continuation.yield(try await looking.value)
            } catch {
                first.continuation.finish(throwing: error)
            }
        }
        let clock = Task {
            try await Task.sleep(for: patience)
            first.continuation.yield(nil)
        }
        defer {
            waiting.cancel()
            clock.cancel()
        }
        return try await withTaskCancellationHandler {
            for try await item in first.stream { return item }
            throw CancellationError()
        } onCancel: {
            looking.cancel()
        }
    }

    private func price(_ offer: PublishedStates.Offer, _ boot: Boot) async throws -> WarmPrice {
        let cache = states.cache
        let missing = try await WorkerThread.run(name: "price") { () -> UInt64 in
            let lacking = boot.blocks.filter { !cache.contains($0.id) }
            let packs = boot.packed.map { [$0.pack] } ?? []
            return BootPlan.cheapest(of: packs, lacking: lacking, ratio: WarmPrice.packing, isHere: cache.contains).cost
                .bytes
        }
        return WarmPrice(
            stateBytes: offer.bytes, bootBytes: missing,
            bootSeconds: boot.seconds ?? min(offer.record.state.bootSeconds, WarmPrice.mostUnseen))
    }
}

extension SessionRun {
    /// Nil where the version's publisher has saved no guest, or none may be used.
    func publishedStart(
        _ version: SessionImage, _ states: PublishedStates, resumes: Bool
    ) -> PublishedStart? {
        guard !version.chosen.version.warm.isEmpty, !version.chosen.source.isVendors, !resumes,
            configuration.warm.published == .always,
            WarmStart(request: request, configuration: configuration).isPossible
        else { return nil }
        return PublishedStart(
            states, version, session: request.id, log: { [self] in note("\($0)\n") }, describe: describe)
    }

    /// See ``PublishedStart/Boot``.
    func bootInstead(of version: SessionImage, _ ahead: SessionPrefetch, accel: Accelerator) -> PublishedStart.Boot {
        let key = VersionKey(version.chosen)
        return .init(
            seconds: HealthLibrary(places: places).record(key.catalog, key.distribution).usualStart(
                accel: accel.rawValue),
            blocks: ahead.bootSet, packed: ahead.packed,
            fetchesRest: { [configuration] in await configuration.fetchesRest() })
    }
}
