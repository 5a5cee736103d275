import BlockStore
import Catalog
import Curl
import GuestDomain
import ImageIndex
import Linux
import Vendors

/// A session that goes on with a suspended guest.
extension SessionRun {
    /// Takes the suspended guest that the session is asked to go on with.
    func takeSuspended(_ teardown: Teardown) async throws -> ResumedGuest? {
        let (request, places) = (request, places)
        let resumed = try await WorkerThread.run(name: "suspended") { try ResumedGuest.take(request, places: places) }
        // Nobody else goes on with it until nothing of the session is left.
        await teardown.add { withExtendedLifetime(resumed) {} }
        return resumed
    }

    /// The image of a suspended guest as it was when that was booted, whatever its catalog has now.
    func suspendedVersion(
        _ resumed: ResumedGuest, _ base: MachineRecord.Base, _ systems: SystemsLibrary, _ cache: BlockCache,
        _ transfers: TransferQueue
    ) async throws -> SessionImage {
        update {
            $0.catalog = base.source.name
            $0.distribution = base.distribution
            $0.version = base.version.text
            $0.phase = .index
        }
        let (library, directory) = (MachineLibrary(places: places), directory)
        let (folder, isWhole) = try await WorkerThread.run(name: "base") {
            let folder = try resumed.keepBase(base, in: directory)
            return (folder, library.baseState(base, folder, cache)?.isWhole ?? false)
        }
        // Only what is missing needs its servers, and to know where they are now.
        let copy = await systems.copies(refresh: !isWhole).first { base.isOf($0) }
        do throws(MachineError) {
            try base.check(copy, name: request.id, isWhole: isWhole)
        } catch {
            throw SessionFailure(
                exitCode: 65,
                message:
                    "session \(request.id) lies on \(base.key) as it was; not all of that is here, and under the same name there is another "
                    + "image now. It goes on when the old one is offered again; 'oscircular stop --force \(request.id)' gives it up"
            )
        }
        try checkNotStopped()
        let fetch = VersionFetch(places: places, systems: systems, cache: cache, transfers: transfers)
        let image = base.image(in: folder, copy: copy) { try await fetch.remakeBase($0, systems) }
        let recorded = BootSetLibrary(places: places)
        return try await WorkerThread.run(name: "index") { [places] in
            let index = try image.index()
            let ledger = try image.ledger(index, in: places.ledgers)
            if let file = image.streamed, file.source.trust < .pieces, ledger?.isFinished != true,
                VendorNotes(places: places).isCondemned(file)
            {
                throw SessionFailure(
                    exitCode: 65,
                    message:
                        "session \(self.request.id) does not go on: \(base.key) was found not to be what its vendor says"
                )
            }
            let published = Paths.allows(.reading, folder.bootSet) ? folder.bootSet : nil
            let bootSet = recorded.best(VersionKey(image.chosen), published: published)
            return SessionImage(
                image: image, index: index, bootSet: try bootSet?.blocks(of: index) ?? [], ledger: ledger,
                publishedBootSet: published)
        }
    }

    /// What is said where a suspended guest needs blocks of its image that do not come.
    func lossOfImage(_ resumed: ResumedGuest, _ cache: BlockCache, _ error: BlockStoreError) -> any Error {
        guard let base = resumed.record.base else { return error }
        let folder = MachineFolder(name: request.id, path: "\(directory.path)/base")
        let state = MachineLibrary(places: places).baseState(base, folder, cache)
        let share = state.map { $0.isWhole ? "all of its image is here" : "\($0.percent) % of its image is here" }
        return SessionFailure(
            exitCode: 69,
            message:
                "session \(request.id) did not go on: \(share ?? "not all of its image is here"), and what is missing could not be "
                + "fetched: \(describe(error)). Nothing of it is lost: resume it when its servers can be reached")
    }

    /// Does for a guest that went on what is left to do when it runs. Nothing may fail after it: nothing is suspended then. Its folder, which
    /// comes by ssh too, waits a moment for the clock.
    func goesOn(
        _ resumed: ResumedGuest, _ suspender: SessionSuspender, _ detachables: [Detachable], _ share: SessionShare?,
        _ cache: BlockCache, _ note: String?, _ teardown: Teardown
    ) async {
        await settle(resumed, cache, note)
        guard resumed.resumption == .memory else { return }
        for _ in 0..<40 where state.snapshot.settingClock == true && !isStopAsked {
            // A wait that is cancelled is over.
            try? await Task.sleep(for: .milliseconds(50))
        }
        if state.snapshot.settingClock == true {
            tellUser("the guest's clock still has the time at which it was suspended, and is being set")
        }
        suspender.giveBack(detachables)
        if let following = share?.follow() { await teardown.add { following.cancel() } }
    }

    /// Notes that nothing is suspended any more, and says what changes with that.
    private func settle(_ resumed: ResumedGuest, _ cache: BlockCache, _ note: String?) async {
        do {
            try await WorkerThread.run(name: "suspended") { try resumed.finish(cache) }
        } catch {
            self.note("warning: what was suspended could not be removed: \(describe(error))\n")
        }
        if let note {
            self.note("\(note)\n")
            notes.withLock { $0.append(note) }
        }
    }

    /// Sets the clock of a guest that goes on from its memory, from the moment on when it runs: until then it has the time at which it was
    /// suspended. Returns at once.
    func setClock(of resumed: ResumedGuest?, _ teardown: Teardown) async {
        guard let resumed, resumed.resumption == .memory else { return }
        let directory = directory
        let behind = WallClock.seconds - Int(resumed.record.created.seconds)
        update { $0.settingClock = true }
        let setting = Task { [self] in
            defer { update { $0.settingClock = nil } }
            for attempt in GuestClock.attempts {
                do { try await Task.sleep(for: attempt.pause) } catch { return }
                // Without ssh, or a thread, it is as if nobody answered.
                let outcome = try? await WorkerThread.run(name: "clock in guest") {
                    try GuestClock.set(in: directory, attempt)
                }
                if Task.isCancelled { return }
                if outcome == .done { return self.note("the guest's clock is set\n") }
                if outcome == .failed { break }
            }
            let text =
                "the guest's clock stood still while it was suspended (\(behind) seconds), and could not be set by ssh: set it in the guest"
            self.note("\(text)\n")
            state.note(error: text)
        }
        await teardown.addEnd(of: setting)
    }

    /// What a failure of the start means for its user.
    func failure(_ error: any Error) -> any Error {
        if let error = error as? ShareError { return failure(error) }
        guard request.resumes == .memory, case GuestDomainError.noHardwareVirtualization(let reason) = error else {
            return error
        }
        return SuspendError.misfit(
            SuspendMisfit(
                session: request.id, reason: "it ran by hardware virtualization, which cannot be used: \(reason)",
                machine: request.machine?.name))
    }
}

/// Guests that are suspended without being asked.
extension SessionRun {
    /// From now on the guest is suspended when the user's settings say so.
    func followLogind(_ teardown: Teardown) async {
        // A trial that is suspended would be one that failed: it ends, or runs on when the machine has slept.
        guard configuration.suspendAt != .never, request.isTrial != true else { return }
        do throws(SystemCallError) {
            let watch = try LogindWatch(
                configuration.suspendAt, suspend: { [self] in suspend(because: $0) },
                goesOn: { [self] in state.snapshot.suspension.map { $0.failure != nil } ?? true },
                log: { [self] in note("\($0)\n") })
            // First of all that is undone: the machine need not wait for the rest.
            await teardown.addBlocking { watch.close() }
        } catch {
            note("warning: nobody hears when the guest is to be suspended: \(error)\n")
        }
    }

    private func suspend(because reason: String) {
        note("the guest is to be suspended: \(reason)\n")
        let response = answer(ControlRequest(command: .suspend))
        if let refusal = response.refusal { note("the guest was not suspended: \(refusal)\n") }
    }
}
