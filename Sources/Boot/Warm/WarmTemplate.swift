import BlockStore
import GuestDomain
import Linux

/// The throw-away guest that a warm state is made from, on a mounted image and in its surroundings.
struct WarmTemplate: Sendable {
    let plan: SessionGuest.Plan
    let surroundings: GuestSurroundings
    let library: WarmLibrary
    let cache: BlockCache
    let reserve: DiskReserve
    let turn: WarmTurn
    /// See ``Places/parkFolders``.
    let parkFolders: [String]
    /// Whether it is to end, asked many times a second while it is saved.
    let isStopped: @Sendable () -> Bool
    /// Hears how many bytes of the memory are written.
    let progress: @Sendable (UInt64) -> Void
    let log: @Sendable (String) -> Void

    /// Boots it, saves it when it sleeps, and ends it.
    /// - Parameters:
    ///   - news: what is heard of it; ticks and what libvirt says are added to `heard` here.
    ///   - teardown: gets a step for each thing that must be removed again.
    /// - Returns: why nothing was to be done; nil where the state was made.
    /// - Throws: ``WarmError``, ``GuestDomainError``, ``SystemCallError``, `CancellationError`.
    func make(
        _ news: AsyncStream<TemplateNews>, _ heard: AsyncStream<TemplateNews>.Continuation, _ teardown: Teardown
    ) async throws -> String? {
        let folder = plan.directory.credentials
        let isForOthers = isForOthers
        // That it is a template, and nothing else.
        let entries = try await WorkerThread.run(name: "entries") {
            try ParkEntries.write(nil, to: folder, isForOthers: isForOthers) ?? []
        }
        let machine = portable(try await SessionGuest.parked(plan, surroundings, entries: entries))
        let emulator = await surroundings.connection.emulatorVersion()
        let needs = try await WorkerThread.run(name: "warm") {
            try WarmNeeds(self.plan.version, machine, emulator: emulator)
        }
        if try await WorkerThread.run(name: "warm", { try self.isThere(needs) }) {
            return "\(VersionKey(plan.version.chosen)) has its warm state already"
        }
        guard let state = try await WorkerThread.run(name: "warm", { [library] in try library.begin(needs.key) }) else {
            throw WarmError.givenUp("the same state is being made or fetched by another session")
        }
        // What was not finished; of what was, nothing has this name.
        await teardown.addBlocking { state.discard() }
        try await writeSeed(machine.architecture)
        try await addDisk(machine, teardown)
        let guest = try await RunningGuest.start(machine, on: surroundings.connection)
        await teardown.add { await guest.destroy() }
        if turn.isSpare { lowerPriority(machine.name) }
        log("the template boots: \(machine.memoryMiB) MiB of memory, \(machine.cpus) processor(s)")
        let seconds = try await boot(guest, needs, news, heard)
        log("the template sleeps after \(seconds) seconds")
        let record = try await save(guest, machine, needs, in: state, seconds: seconds)
        try await guest.end()
        try await WorkerThread.run(name: "warm") { try state.finish(record) }
        log("the warm state \(needs.key) is there: \(record.memory.size) bytes of memory")
        return nil
    }

    /// See ``BootRequest/Purpose/published``.
    private var isForOthers: Bool { plan.request.purpose == .published }

    /// Others have other processors than this machine's.
    private func portable(_ machine: GuestSpecification) -> GuestSpecification {
        var machine = machine
        if isForOthers, machine.accelerator == .kvm { machine.processorModel = PortableProcessor.ofHardware }
        return machine
    }

    /// Whether there is nothing to do.
    /// - Throws: ``WarmError/notMade(_:)`` where there is no room.
    private func isThere(_ needs: WarmNeeds) throws -> Bool {
        if case .state(let state) = library.find(needs), !isForOthers || state.record.isForOthers == true {
            return true
        }
        // It must not push blocks out of the cache, for they would push it out next.
        guard cache.hasRoom(for: WarmTemplate.likelySize(memoryMiB: needs.guest.memoryMiB)) else {
            throw WarmError.notMade(
                "has no room for a warm state in the cache: raise cache.limit, or make room with 'oscircular cache prune --to SIZE'"
            )
        }
        return false
    }

    /// Bytes that a state takes, more likely less: most memory is packed to a third and below.
    static func likelySize(memoryMiB: Int) -> Int { (memoryMiB << 20) / 3 }

    /// What it learns at its first boot, where its system asks for that.
    private func writeSeed(_ architecture: GuestArchitecture) async throws {
        let seed = SessionSeed(
            request: plan.request, chosen: plan.version.chosen, directory: plan.directory, usualUserData: nil)
        let folders = parkFolders
        _ = try await WorkerThread.run(name: "seed") {
            try seed.writeTemplate(architecture: architecture, parkFolders: folders)
        }
    }

    /// A disk that does not say what is below it, as the frozen ones of machines.
    private func addDisk(_ machine: GuestSpecification, _ teardown: Teardown) async throws {
        let directory = plan.directory
        // The next start removes what is left of it.
        await teardown.addBlocking { directory.removeDisk() }
        guard let overlay = machine.overlayPath else { return }
        let size = try DiskSize.ofGuest(wanted: nil, image: plan.imageSize, sectorSize: machine.sectorSize)
        try await WorkerThread.run(name: "overlay") { try Overlay.create(at: overlay, backing: nil, size: size) }
    }

    /// QEMU is started by libvirt's daemon and has that one's place.
    private func lowerPriority(_ domain: String) {
        // Without a thread it runs like any other.
        try? WorkerThread.start(name: "priority") {
            if let process = EmulatorProcess.find(domain: domain) { ProcessPriority.lower(process) }
        }
    }

    /// Waits until it sleeps.
    /// - Returns: seconds that it ran.
    private func boot(
        _ guest: RunningGuest, _ needs: WarmNeeds, _ news: AsyncStream<TemplateNews>,
        _ heard: AsyncStream<TemplateNews>.Continuation
    ) async throws -> Int {
        let events = Task { for await event in guest.events { heard.yield(.guest(event)) } }
        let ticks = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(1))
                heard.yield(.tick)
            }
        }
        defer {
            events.cancel()
            ticks.cancel()
        }
        var progress = TemplateProgress()
        var isPaused = false
        for await item in news {
            try Task.checkCancellation()
            if item == .tick {
                let cpuSeconds = await guest.cpuSeconds()
                progress.look(cpuSeconds: cpuSeconds, isCrowded: turn.load().isCrowded)
                if let reason = turn.reasonToGiveUp() { throw WarmError.givenUp(reason) }
                if turn.pauses != isPaused {
                    if isPaused { try await guest.resume() } else { try await guest.suspend() }
                    isPaused.toggle()
                    log(isPaused ? "this machine runs on its battery: the template waits" : "the template goes on")
                }
            }
            switch progress.take(item, isPaused: isPaused) {
            case .goesOn: continue
            case .asleep: return progress.seconds
            case .failed(let reason, let isLikelyAgain):
                if isLikelyAgain { library.noteTried(needs.key, reason, needs.emulator) }
                throw WarmError.failed(reason)
            }
        }
        throw CancellationError()
    }

    private func save(
        _ guest: RunningGuest, _ machine: GuestSpecification, _ needs: WarmNeeds, in state: UnfinishedState,
        seconds: Int
    ) async throws -> WarmRecord {
        try await guest.suspend()
        let folder = state.folder
        let origin = try await guest.memoryOrigin(machine.accelerator)
        let memory = try await guest.saveMemory(
            as: folder.memory, reserve, progress: progress, isCancelled: isStopped)
        let (key, isForOthers) = (VersionKey(plan.version.chosen), isForOthers)
        // QEMU has written all that it knew of them, and writes no more.
        return try await WorkerThread.run(name: "warm") {
            var record = WarmRecord(
                created: .now, key: key, image: needs.image, guest: needs.guest,
                overlayDigest: try WarmTemplate.keep(machine.overlayPath, as: folder.overlay),
                variablesDigest: try WarmTemplate.keep(
                    machine.firmware == .uefi ? machine.nvramPath : nil, as: folder.variables),
                seedDigest: try WarmTemplate.keep(machine.seed?.diskPath, as: folder.seed),
                memory: .init(size: memory.size, content: memory.content, digest: memory.digest, origin: origin),
                bootSeconds: Double(seconds))
            record.isForOthers = isForOthers ? true : nil
            return record
        }
    }

    /// Copies a file of the template.
    /// - Returns: the copy's digest; nil where there is no file.
    private static func keep(_ path: String?, as new: String) throws(SystemCallError) -> String? {
        guard let path else { return nil }
        try WarmState.copy(try FileHandle(path, for: .reading, .refuseLink), to: new, mode: 0o600)
        return try MachineLibrary.digest(of: new)
    }
}
