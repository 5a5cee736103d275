import GuestDomain
import Linux

extension SessionGuest {
    /// What a guest has that goes on from a warm state, besides its ``Plan``.
    struct Waking: Sendable {
        let state: WarmState
        /// As ``SessionGuest/parked(_:_:entries:)`` made it.
        let machine: GuestSpecification
        /// Hears its console.
        let watch: ParkWatch
        /// Throws where the guest is not to run after all.
        let check: @Sendable () throws -> Void
        /// Ends the waiting of its reads: QEMU would answer only after them.
        let refuseReads: @Sendable () -> Void
    }

    /// Lets a guest go on from a warm state, and returns when it is a system of its own and has what it is to have. Where it throws, nothing of it
    /// is left, and another guest of the same name can be started.
    /// - Parameter teardown: gets a step for each thing that must be removed again.
    /// - Throws: ``WakeFailure`` where the state is to blame; ``GuestDomainError``, ``SystemCallError``; what ``Waking/check`` throws.
    static func wake(
        _ plan: Plan, _ waking: Waking, in surroundings: GuestSurroundings, teardown: Teardown
    ) async throws -> SessionGuest {
        let (state, directory, connection) = (waking.state, plan.directory, surroundings.connection)
        // The next start removes what is left of it.
        await teardown.addBlocking { directory.removeDisk() }
        let emulator = surroundings.emulator
        let (given, imageSize, share) = (waking.machine, plan.imageSize, plan.share)
        let (machine, version, home) = (plan.machine, plan.version, plan.request.home)
        waking.watch.forget()
        do {
            let specification = try await WorkerThread.run(name: "warm state") {
                var specification = given
                specification.processorModel = state.record.guest.processorModel
                specification.share = share
                // As its template had it.
                let size = try DiskSize.ofGuest(wanted: nil, image: imageSize, sectorSize: given.sectorSize)
                guard let machine else {
                    try state.giveDisk(to: &specification, in: directory, size: size, emulator: emulator)
                    return specification
                }
                try machine.make(version, given, size: size, from: state)
                let links = try machine.begin(given, home: home, emulator: emulator)
                (specification.overlayPath, specification.layers) = (links.overlay, links.layers)
                if let variables = links.variables {
                    (specification.nvramPath, specification.hasVariables) = (variables, true)
                }
                if let identity = machine.identity { specification.uuid = identity.uuid }
                return specification
            }
            let check = waking.check
            let (guest, _) = try await RunningGuest.resume(
                specification, on: connection, from: state.record.memory.origin, feed: { try state.feed(to: $0) },
                commit: { try check() })
            do {
                try await settle(guest, plan, waking)
            } catch {
                waking.refuseReads()
                await guest.vanish()
                throw error
            }
            await teardown.add { await guest.destroy() }
            var running = specification
            running.pluggedHome = plan.home
            return SessionGuest(guest, running, uri: connection.uri)
        } catch GuestDomainError.memoryMisfit(let reason) {
            throw WakeFailure(reason: reason)
        } catch WarmError.misfit(let reason) {
            // Of its own files.
            throw WakeFailure(reason: reason, isDamaged: true)
        }
    }

    /// Wakes a guest that runs, and sleeps, and gives it what it is to have.
    private static func settle(_ guest: RunningGuest, _ plan: Plan, _ waking: Waking) async throws {
        try await guest.shutdown()
        try await listen(to: guest, waking.watch, cpus: waking.machine.cpus)
        try waking.check()
        if let home = plan.home { try await guest.plug(home) }
        if let share = plan.share { try await guest.plug(share) }
    }

    /// How long a guest may take to wake: one that sleeps on, and one that computes meanwhile, beside others on a busy machine.
    private static let patience = (asleep: Duration.milliseconds(3500), busy: Duration.seconds(20))
    /// Seconds of CPU since it runs: who uses less sleeps, who uses more, on each of its processors, does something else.
    private static let work = (least: 0.3, mostPerProcessor: 5.0)

    /// Whether a guest that has not said so may be about to wake.
    /// - Parameter used: seconds of CPU of all its processors together.
    static func mayBeWaking(used: Double, cpus: Int) -> Bool {
        (work.least...work.mostPerProcessor * Double(max(1, cpus))).contains(used)
    }

    /// Waits until the guest says that it is awake.
    private static func listen(to guest: RunningGuest, _ watch: ParkWatch, cpus: Int) async throws {
        let begun = ContinuousClock.now
        // QEMU has used some to read the memory.
        let before = await guest.cpuSeconds() ?? 0
        while true {
            switch await watch.next(within: .milliseconds(500)) {
            case .awake: return
            case .noSession: throw WakeFailure(reason: "its guest has not found what this session tells it")
            case .noPark(let reason): throw WakeFailure(reason: "its guest did not wake: \(reason)")
            case .parked, nil: break
            }
            try Task.checkCancellation()
            let passed = ContinuousClock.now - begun
            if passed < patience.asleep { continue }
            let used = (await guest.cpuSeconds() ?? 0) - before
            if passed >= patience.busy || !mayBeWaking(used: used, cpus: cpus) {
                throw WakeFailure(
                    reason: "its guest did not wake within \(passed.components.seconds) seconds", isLate: true)
            }
        }
    }
}
