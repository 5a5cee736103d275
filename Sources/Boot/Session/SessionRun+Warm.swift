import BlockStore
import Catalog
import GuestDomain
import ImageMount
import Linux

/// A session whose guest need not boot.
extension SessionRun {
    /// Lets the guest go on from a warm state of its version, where there is one that fits. Whatever goes wrong with that, the guest can be booted.
    /// - Returns: nil where it is to boot.
    /// - Throws: where the session's end was asked for.
    func startWarm(
        _ plan: SessionGuest.Plan, _ cache: BlockCache, _ mounted: MountedImage, _ published: PublishedStart?,
        _ ahead: SessionPrefetch, _ folder: SessionShare?, in surroundings: GuestSurroundings, teardown: Teardown
    ) async throws -> SessionGuest? {
        defer { published?.decide() }
        let start = WarmStart(request: plan.request, configuration: configuration)
        guard start.isPossible(plan.version, share: plan.share, places: places) else { return nil }
        let library = WarmLibrary(cache: cache.directory)
        // Most boots end here, without what is worked out for nothing. Without a thread it is looked at below.
        let isEmpty = (try? await WorkerThread.run(name: "warm states", { library.isEmpty })) ?? false
        if published == nil, isEmpty { return nil }
        let (machine, finding): (GuestSpecification, WarmLibrary.Finding)
        do {
            let (asked, wanted) = try await needs(plan, surroundings)
            machine = asked
            let instead = bootInstead(of: plan.version, ahead, accel: surroundings.accelerator)
            finding = try await find(wanted, library) {
                await published?.bring(wanted, on: surroundings.connection, insteadOf: instead) ?? false
            }
        } catch {
            note("warning: warm states cannot be looked for: \(describe(error))\n")
            return nil
        }
        switch finding {
        case .none: return nil
        case .misfit(let reason):
            noteBoot(reason)
            return nil
        case .state(let state):
            let reader = mounted.reader
            let waking = SessionGuest.Waking(
                state: state, machine: machine, watch: park, check: { [self] in try checkNotStopped() },
                refuseReads: { reader.refuseWaiting() })
            do {
                guard try await giveOrder(plan, surroundings) else { return nil }
                let guest = try await SessionGuest.wake(plan, waking, in: surroundings, teardown: teardown)
                // That it woke counts when its console answers.
                warmOutcome.withLock { $0 = { library.settle(state, $0) } }
                return guest
            } catch {
                try checkNotStopped()
                reader.allowWaiting()
                if let outcome = WarmLibrary.Outcome(of: error, isCrowded: MachineLoad.now().isCrowded) {
                    await settle(library, state, outcome)
                }
                noteBoot((error as? WakeFailure)?.reason ?? describe(error))
                try await forgetWaking(plan.machine)
                try await folder?.serveAgain(
                    emulator: surroundings.emulator)
                return nil
            }
        }
    }

    /// Chooses the version. One that has a warm state starts at once, by what is known here: its user does not wait for servers, which are asked
    /// beside for the next start.
    func choose(
        _ name: VersionName, _ systems: SystemsLibrary, _ cache: BlockCache, _ teardown: Teardown
    ) async throws -> (version: ChosenVersion, isCurrent: Bool) {
        let library = WarmLibrary(cache: cache.directory)
        guard WarmStart(request: request, configuration: configuration).isPossible,
            // What is not known here is asked for as ever.
            let known = try? await systems.choose(name, refresh: false),
            // Without a thread there is none.
            let warm = try? await WorkerThread.run(name: "warm states", { library.versions() }),
            warm.contains(VersionKey(known.version))
        else { return try await systems.choose(name) }
        if !known.isCurrent || known.version.source.isVendors {
            // What went wrong is kept with the catalog.
            let asking = Task { _ = try? await systems.choose(name) }
            await teardown.addEnd(of: asking)
        }
        return known
    }

    /// - Parameter bring: gets one from elsewhere where there is none, or none that fits; gives whether there is one now.
    private func find(
        _ needs: WarmNeeds, _ library: WarmLibrary, bring: () async -> Bool
    ) async throws -> WarmLibrary.Finding {
        let finding = try await WorkerThread.run(name: "warm state") { library.find(needs) }
        if case .state = finding { return finding }
        guard await bring() else { return finding }
        return try await WorkerThread.run(name: "warm state") { library.find(needs) }
    }

    /// What the guest asks for: its machine, as it would be if it went on from a warm state.
    private func needs(
        _ plan: SessionGuest.Plan, _ surroundings: GuestSurroundings
    ) async throws -> (GuestSpecification, WarmNeeds) {
        let folder = directory.credentials
        let entries = try await WorkerThread.run(name: "warm state") { try ParkEntries.write(nil, to: folder) ?? [] }
        let machine = try await SessionGuest.parked(plan, surroundings, entries: entries)
        let emulator = await surroundings.connection.emulatorVersion()
        let needs = try await WorkerThread.run(name: "warm state") {
            try WarmNeeds(plan.version, machine, emulator: emulator)
        }
        return (machine, needs)
    }

    /// Writes down what the guest is to know when it wakes.
    /// - Returns: false where that is too much, and the guest has to boot.
    private func giveOrder(_ plan: SessionGuest.Plan, _ surroundings: GuestSurroundings) async throws -> Bool {
        let directory = directory
        let seed = SessionSeed(
            request: plan.request, chosen: plan.version.chosen, directory: directory, usualUserData: plan.userData,
            machine: plan.machine)
        let isGiven = try await WorkerThread.run(name: "warm state") {
            let order = try seed.wakeOrder(surroundings.credentials, home: plan.home, share: plan.share)
            return try ParkEntries.write(order, to: directory.credentials) != nil
        }
        if !isGiven { note("the guest boots: what it is to know at a warm start is too long\n") }
        return isGiven
    }

    /// A boot has other files.
    private func forgetWaking(_ machine: SessionMachine?) async throws {
        let directory = directory
        try await WorkerThread.run(name: "warm state") {
            directory.removeDisk()
            ParkEntries.remove(from: directory.credentials)
            try machine?.unmake()
        }
    }

    private func settle(_ library: WarmLibrary, _ state: WarmState, _ outcome: WarmLibrary.Outcome) async {
        // Without a thread nothing is noted, and the state is used as before.
        _ = try? await WorkerThread.run(name: "warm state") { library.settle(state, outcome) }
    }

    /// Writes down, once, how a guest has got on that has started warm. Returns at once.
    func settleWarm(_ outcome: WarmLibrary.Outcome) {
        let settle = warmOutcome.withLock { settle in
            defer { settle = nil }
            return settle
        }
        guard let settle else { return }
        // Without a thread nothing is noted, as above.
        try? WorkerThread.start(name: "warm state") { settle(outcome) }
    }

    private func noteBoot(_ reason: String) {
        let text = "the warm state is not used: \(reason). The guest boots"
        note("\(text)\n")
        notes.withLock { $0.append(text) }
    }

    // MARK: The console

    /// Notes how the guest has come to run, and when its console answers. Returns at once.
    func noteStart(isWarm: Bool, _ teardown: Teardown) async {
        update { $0.start = isWarm ? .warm : .booted }
        guard isWarm else { return login.whenSeen { [self] in noteAnswer() } }
        let path = directory.console
        let asking = Task { [self] in
            park.seekAnswer()
            // The guest has shown its prompt long ago: Enter is pressed for the user. Who sees none presses it himself.
            let request = try? await WorkerThread.run(name: "prompt") { try PromptRequest(at: path) }
            if await park.isAnswered(within: .seconds(30)) {
                noteAnswer()
                health.withLock { $0 }?.take(.login(isSerial: false))
            }
            withExtendedLifetime(request) {}
        }
        await teardown.add { asking.cancel() }
    }

    private func noteAnswer() {
        settleWarm(.woke)
        guard let asked = request.asked else { return }
        let milliseconds = (max(asked, MonotonicClock.nanoseconds) - asked) / 1_000_000
        update { $0.startSeconds = Double(milliseconds) / 1000 }
    }
}

extension WarmLibrary.Outcome {
    /// What a start that ended with this error says of its state; nil for nothing: somebody wanted its end, or the machine was too slow for it.
    init?(of error: any Error, isCrowded: Bool = false) {
        if error is CancellationError { return nil }
        let failure = error as? WakeFailure
        if failure?.isLate == true, isCrowded { return nil }
        self = failure?.isDamaged == true ? .damaged : .failed
    }
}
