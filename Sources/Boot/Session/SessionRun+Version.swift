import BlockStore
import Catalog
import Curl
import ImageIndex
import Linux
import Vendors

/// Which version a session boots.
extension SessionRun {
    func findVersion(
        _ systems: SystemsLibrary, _ cache: BlockCache, _ transfers: TransferQueue, _ machine: SessionMachine?,
        _ resumed: ResumedGuest?, _ teardown: Teardown
    ) async throws -> SessionImage {
        if let resumed, let base = resumed.record.base {
            return try await suspendedVersion(resumed, base, systems, cache, transfers)
        }
        if let machine, let record = machine.record {
            return try await baseVersion(record, machine, systems, cache, transfers)
        }
        let name = try VersionName(argument: request.name)
        try await checkTable(systems, name)
        let (wanted, isCurrent) = try await choose(name, systems, cache, teardown)
        if name.version == nil { notePassedOver(wanted) }
        update {
            $0.catalog = wanted.source.name
            $0.distribution = wanted.distribution.id
            $0.version = wanted.version.id.text
            $0.phase = .index
        }
        try await checkProcessor(of: wanted.distribution)
        // One that was chosen because it came up here is not exchanged for another.
        let isNewest = name.version == nil && wanted.version.id == wanted.distribution.versions.first?.id
        let found = try await systems.soundImage(of: wanted, isNewest: isNewest, cache: cache)
        update { $0.version = found.chosen.version.id.text }
        try checkNotStopped()
        try checkIsAllowed(found)
        if machine != nil { try checkMayBeKept(found) }
        let image = try await readied(found, systems, cache, transfers)
        let chosen = image.chosen
        let recorded = BootSetLibrary(places: places)
        // If the server does not answer, a boot set that is not stored is not waited for.
        let local = systems.catalogs.bootSetPath(chosen.source, chosen.distribution, chosen.version)
        let isWanted = Paths.allows(.reading, local) || recorded.recorded(VersionKey(chosen)) == nil && isCurrent
        async let lists: Void = bringPackLists(of: image, systems, isCurrent: isCurrent)
        async let neighbour: Void = isCurrent ? systems.catalogs.bringNeighbour(of: chosen, places) : ()
        // Without its boot set a boot is slower, no more.
        let published = isWanted ? try? await systems.catalogs.bootSet(of: chosen) : nil
        _ = await (lists, neighbour)
        return try await WorkerThread.run(name: "index") { [self] in
            let index = try image.index()
            let bootSet =
                try recorded.expected(chosen.version, VersionKey(chosen), published: published) {
                    DerivedBootSets(
                        chosen.source, chosen.distribution, catalogs: systems.catalogs, recorded: recorded
                    ).bootSet(of: chosen.version, index)
                }?.bootSet.blocks(of: index) ?? []
            return SessionImage(
                image: image, index: index, bootSet: bootSet, ledger: try image.ledger(index, in: places.ledgers),
                publishedBootSet: published,
                pack: try choosePack(of: image, index, bootSet, systems, cache))
        }
    }

    /// Before anybody is asked for anything: a server that is no longer the right one may be why it changes.
    private func checkTable(_ systems: SystemsLibrary, _ name: VersionName) async throws {
        guard let change = await systems.tableChange(of: name) else { return }
        if request.asksOfTable == true, systems.table.isOpen(change) { throw BootError.tableChange(change) }
        note("\(change.keptText)\n")
        update { $0.tableNote = change.keptText }
    }

    private func checkProcessor(of distribution: Distribution) async throws {
        let processor = try await SessionGuest.checkProcessor(request, of: distribution)
        if !processor.isHost { update { $0.emulated = processor.rawValue } }
    }

    /// Whether the version is as sure as the user wants it.
    private func checkIsAllowed(_ image: VersionImage) throws(BootError) {
        let boots = UnverifiedBoots(places: places, settings: configuration.vendors)
        let isVerified = image.file.map(VendorNotes(places: places).isVerifiedAtStart) ?? false
        let permission = boots.permission(
            for: image.chosen.version, of: VersionKey(image.chosen), isVerified: isVerified,
            isForced: request.allowUnverified ?? false)
        switch permission {
        case .granted: return
        case .ask(let boot): throw .unverified(boot, isByDefault: true)
        case .refused(let boot): throw .unverified(boot, isByDefault: false)
        }
    }

    /// Whether the version may be a machine's base: what is verified only as a whole may not before it is.
    private func checkMayBeKept(_ image: VersionImage) throws(MachineError) {
        guard let file = image.file, file.source.trust < .pieces, request.keepsUnverified != true,
            request.allowUnverified != true, !VendorNotes(places: places).isVerifiedAtStart(file)
        else { return }
        throw .unverified(UnverifiedBoot(VersionKey(image.chosen), level: file.source.trust, least: .pieces))
    }

    // MARK: Machines

    /// Takes the machine that the session is asked to run or to make.
    func openMachine(_ teardown: Teardown) async throws -> SessionMachine? {
        guard let asked = request.machine else { return nil }
        update { $0.machine = asked.name }
        let (directory, places) = (directory, places)
        let machine = try await WorkerThread.run(name: "machine") {
            try SessionMachine(asked, directory: directory, places: places)
        }
        // It is held until nothing of the session is left.
        await teardown.addBlocking {
            machine.removeUnfinished()
            withExtendedLifetime(machine) {}
        }
        return machine
    }

    /// A machine's base as it was when the machine was made.
    private func baseVersion(
        _ record: MachineRecord, _ machine: SessionMachine, _ systems: SystemsLibrary, _ cache: BlockCache,
        _ transfers: TransferQueue
    ) async throws -> SessionImage {
        let base = record.base
        update {
            $0.catalog = base.source.name
            $0.distribution = base.distribution
            $0.version = base.version.text
            $0.phase = .index
        }
        let (library, folder) = (MachineLibrary(places: places), machine.folder)
        let isWhole = try await WorkerThread.run(name: "base") {
            library.baseState(record, folder, cache)?.isWhole ?? false
        }
        // Only what is missing needs its servers, and to know where they are now.
        let copies = await systems.copies(refresh: !isWhole)
        let copy = copies.first { base.isOf($0) }
        try base.check(copy, name: machine.name, isWhole: isWhole)
        try checkNotStopped()
        let fetch = VersionFetch(places: places, systems: systems, cache: cache, transfers: transfers)
        let image = base.image(in: folder, copy: copy) { try await fetch.remakeBase($0, systems) }
        try await checkProcessor(of: image.chosen.distribution)
        let recorded = BootSetLibrary(places: places)
        return try await WorkerThread.run(name: "index") { [places] in
            let index = try image.index()
            let ledger = try image.ledger(index, in: places.ledgers)
            try self.checkIsNotCondemned(image, ledger, machine)
            let published = Paths.allows(.reading, folder.bootSet) ? folder.bootSet : nil
            let bootSet = recorded.best(VersionKey(image.chosen), published: published)
            return SessionImage(
                image: image, index: index, bootSet: try bootSet?.blocks(of: index) ?? [],
                ledger: ledger, publishedBootSet: published)
        }
    }

    /// Refuses a machine whose base was found wrong by somebody who did not come as far as to write that down in the machine.
    private func checkIsNotCondemned(
        _ image: VersionImage, _ ledger: PieceLedger?, _ machine: SessionMachine
    ) throws(MachineError) {
        let notes = VendorNotes(places: places)
        guard let file = image.streamed, file.source.trust < .pieces, ledger?.isFinished != true,
            notes.isCondemned(file)
        else { return }
        // It is in the note, where that can be read.
        let reason = notes.text(.wrong, file.system, file.version.text) ?? "all of it was here"
        let fault = "its base \(VersionKey(image.chosen)) was found not to be what its vendor says: \(reason)"
        machine.condemn(fault)
        throw .baseWrong(machine.name, reason: fault)
    }

    /// Seconds between two times that a machine's ledger is written to the disk.
    private static let ledgerPause = 10

    /// A power cut must not undo what is known of the pieces that a machine has read: unlike other guests, it goes on with them.
    func keepDurable(_ ledger: PieceLedger, _ teardown: Teardown) async {
        let syncing = Task {
            while !ledger.isFinished, !ledger.isWrong {
                do { try await Task.sleep(for: .seconds(SessionRun.ledgerPause)) } catch { return }
                // What fails is tried again.
                try? await WorkerThread.run(name: "ledger") { try ledger.sync() }
            }
        }
        await teardown.addBlocking {
            syncing.cancel()
            // The last time: the kernel does so by itself a little later.
            try? ledger.sync()
        }
    }

    /// What is said where the start of a machine needs blocks of its base that do not come.
    func lossOfBase(_ machine: SessionMachine, _ cache: BlockCache, _ error: BlockStoreError) -> any Error {
        guard let record = machine.record else { return error }
        let state = MachineLibrary(places: places).baseState(record, machine.folder, cache)
        return SessionFailure(
            exitCode: 69,
            message:
                "the machine \(machine.name) did not start: \(state?.text ?? "not all of its base is here"), and what is missing "
                + "could not be fetched: \(describe(error)). Nothing of the machine is lost: start it when its servers can be reached"
        )
    }

    /// Refuses a disk that is smaller than its image before anything more is fetched, and says what a larger one means.
    func checkDiskSize(_ image: UInt64, _ chosen: ChosenVersion) throws(MachineError) {
        guard let wanted = request.diskSize, chosen.guest.media != .cdrom else { return }
        _ = try DiskSize.ofGuest(wanted: wanted, image: image, sectorSize: 512)
        // cloud-init, and what images for clouds have in its place, make the root's file system as large as the disk.
        guard wanted > image, ![.nocloud, .nuageinit, .ignition].contains(chosen.guest.seed) else { return }
        notes.withLock {
            $0.append(
                "the guest's disk is larger than its image, but nothing says that \(chosen.distribution.id) uses the rest by itself: enlarge "
                    + "the root's partition and file system in the guest, with growpart and resize2fs for example")
        }
    }
}

extension BootRequest {
    /// The same with the memory, the processors and the home that a machine had the last time, unless others are asked for.
    func asBefore(_ record: MachineRecord?) -> BootRequest {
        var request = self
        request.memoryMiB = memoryMiB ?? record?.memoryMiB
        request.cpus = cpus ?? record?.cpus
        request.home = home ?? record?.home
        return request
    }
}

extension VersionFetch {
    /// Makes the blocks of a machine's base again, which a packed file was unpacked to.
    /// - Throws: ``VersionFetchError``; what ``remake(_:)`` throws.
    func remakeBase(_ file: PinnedFile, _ systems: SystemsLibrary) async throws {
        guard systems.vendors != nil else {
            throw VersionFetchError.notUnpacked(file.key, reason: "systems of vendors are not offered here")
        }
        try await remake(file)
    }
}

extension MachineRecord.Base {
    /// Whether a catalog is the one that the base came from, or has the same image: another one may have its name by now.
    func isOf(_ copy: CatalogCopy) -> Bool {
        guard !source.isVendors, copy.source.name == source.name else { return false }
        if copy.source.url == source.url { return true }
        let named = copy.document?.distribution(distribution)?.versions.first { $0.id == version }
        guard let named, let digest else { return false }
        return (named.source?.digests ?? [named.digest?.description].compactMap(\.self)).contains(digest)
    }

    /// Compares the base with what its catalog, or its vendor, has under the same name now.
    /// - Parameter isWhole: whether all of the base is here: then it does not matter what others have.
    /// - Throws: ``MachineError/baseChanged(_:version:kept:now:)``.
    func check(_ copy: CatalogCopy?, name: String, isWhole: Bool) throws(MachineError) {
        guard !isWhole, let kept = digest,
            let version = copy?.document?.distribution(distribution)?.versions.first(where: { $0.id == version })
        else { return }
        let now = version.source?.digests ?? [version.digest?.description].compactMap(\.self)
        let kind = "\(kept.prefix { $0 != ":" }):"
        guard let other = now.first(where: { $0.hasPrefix(kind) }), other != kept else { return }
        throw .baseChanged(name, version: key.description, kept: kept, now: other)
    }
}
