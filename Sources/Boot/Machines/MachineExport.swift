import BlockStore
import Curl
import GuestDomain
import ImageMount
import Linux

/// Writes a stopped machine's disk, with all that lies under it, as one qcow2 file that needs nothing else.
package struct MachineExport: Sendable {
    private let places: Places
    private let configuration: Configuration
    private let cache: BlockCache
    private let systems: SystemsLibrary
    private let transfers: TransferQueue

    package init(
        places: Places, configuration: Configuration, cache: BlockCache, systems: SystemsLibrary,
        transfers: TransferQueue
    ) {
        (self.places, self.configuration, self.cache) = (places, configuration, cache)
        (self.systems, self.transfers) = (systems, transfers)
    }

    /// The file appears whole, by its name, or not at all. What is missing of the base is fetched.
    /// - Parameters:
    ///   - replaces: whether a file of that name is replaced.
    ///   - stop: ends it when it is signalled.
    ///   - progress: called with hundredths, up to 10,000, from any thread.
    /// - Returns: bytes that the file takes on the disk.
    /// - Throws: ``MachineError``, also ``MachineError/baseWrong(_:reason:)``; `BlockStoreError`, `ImageIndexError`, `ImageMountError`;
    ///   CancellationError where it was stopped.
    package func run(
        _ name: String, to path: String, replaces: Bool, stop: EventDescriptor,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws -> UInt64 {
        let library = MachineLibrary(places: places)
        let (hold, record) = try await WorkerThread.run(name: "machine") {
            // Before anything is fetched.
            if !replaces { try MachineExport.checkIsFree(path) }
            let (hold, record) = try library.hold(name)
            // What its guest has read is not here any more: the file would be a disk that never was.
            if let fault = record.fault { throw MachineError.baseWrong(name, reason: fault) }
            try library.checkIndex(record, hold.folder)
            for layer in record.disk.chain { try MachineLayer.check(hold.folder.layer(layer.id), of: name) }
            return (hold, record)
        }
        defer { withExtendedLifetime(hold) {} }
        let layers = record.disk.chain.map { hold.folder.layer($0.id) }
        guard record.base.guest.media != .cdrom else {
            // The CD-ROM is not part of its disk.
            return try await write(layers, nil, to: path, replaces: replaces, stop, progress)
        }
        let copy = await systems.copies(refresh: false).first { record.base.isOf($0) }
        let fetch = VersionFetch(places: places, systems: systems, cache: cache, transfers: transfers)
        let image = record.base.image(in: hold.folder, copy: copy) { [systems] in
            try await fetch.remakeBase($0, systems)
        }
        let index = try image.index()
        let ledger = try image.ledger(index, in: places.ledgers)
        let stores = try image.stores(index, ledger, cache: cache, transfers: transfers, policy: .rounds(6))
        let folder = "\(MachineExport.mounts(places))/\(SessionID.random())"
        do {
            try places.prepareRuntime()
            let mounted = try await WorkerThread.run(name: "mount") { [configuration] in
                try Folder.make(folder, mode: 0o700)
                return try MountedImage.mount(
                    index: index, store: stores.caching, at: folder, fileName: "image",
                    options: MountOptions(
                        readers: .ownUser,
                        read: ReadOptions(
                            bound: .seconds(configuration.readBound), keepsFetching: false,
                            readAhead: ReadOptions.usualReadAhead)),
                    format: image.format, ledger: ledger)
            }
            let result: Result<UInt64, any Error>
            do {
                result = .success(try await write(layers, mounted.path, to: path, replaces: replaces, stop, progress))
            } catch {
                result = .failure(error)
            }
            await end(mounted, stores, folder)
            return try result.get()
        } catch MachineError.toolFailed(let reason) {
            let state = library.baseState(record, hold.folder, cache)
            if state?.isWhole != false { throw MachineError.toolFailed(reason: reason) }
            throw MachineError.toolFailed(
                reason: "\(reason) (\(state?.text ?? ""), and what is missing may not be there to be fetched)")
        }
    }

    private func end(_ mounted: MountedImage, _ stores: BlockStores, _ folder: String) async {
        // Without a thread the process's end unmounts it.
        try? await WorkerThread.run(name: "unmount") {
            // The same where it is in use.
            try? mounted.unmount(force: true)
            // The next start of anything removes what stays.
            _ = try? Paths.removeFolder(folder)
        }
        stores.close()
        // What has arrived should be in the cache the next time.
        await stores.caching.settle(within: .seconds(10))
    }

    private func write(
        _ layers: [String], _ image: String?, to path: String, replaces: Bool, _ stop: EventDescriptor,
        _ progress: @escaping @Sendable (Int) -> Void
    ) async throws -> UInt64 {
        try await WorkerThread.run(name: "export") {
            MachineExport.removeLeftovers(of: path)
            let temporary = AtomicFile.temporaryName(for: path)
            defer { Paths.removeIfPossible(temporary) }
            do {
                let disk = DiskFlattening(layers: layers, image: image)
                guard try disk.write(to: temporary, stop: stop, progress: progress) else { throw CancellationError() }
            } catch let error as GuestDomainError {
                throw MachineError(error)
            }
            do throws(SystemCallError) {
                try Paths.setPermissions(temporary, 0o600)
                try FileHandle(temporary, for: .both).sync()
                try MachineExport.name(temporary, path, replaces: replaces)
                if let folder = Folder.parent(of: path) { try Folder(path: folder).sync() }
                return UInt64(try Paths.status(path)?.allocated ?? 0)
            } catch {
                if error.number == .fileExists { throw MachineError.fileExists(path) }
                throw MachineError.file(error)
            }
        }
    }

    private static func name(_ temporary: String, _ path: String, replaces: Bool) throws(SystemCallError) {
        if replaces { return try Paths.rename(temporary, to: path) }
        do throws(SystemCallError) {
            // Fails where somebody else took the name meanwhile.
            try Paths.addName(path, of: temporary)
        } catch  where [.notPermitted, .noSuchCall].contains(error.number) {
            // A file system that gives a file one name only.
            guard try Paths.statusOfName(path) == nil else {
                throw SystemCallError(.fileExists, call: "rename", subject: path)
            }
            try Paths.rename(temporary, to: path)
        }
    }

    private static func checkIsFree(_ path: String) throws {
        if try Paths.statusOfName(path) != nil { throw MachineError.fileExists(path) }
    }

    // MARK: What is left of one that was killed

    /// Removes what an export to the same file has written, if its process is gone: it may be as large as a disk.
    static func removeLeftovers(of path: String) {
        guard let folder = Folder.parent(of: path) else { return }
        let start = ".\(path.dropFirst(folder.count).drop { $0 == "/" })."
        // Best effort: it only takes room.
        for name in Folder.namesIfAny(in: folder) where name.hasPrefix(start) && name.hasSuffix(".tmp") {
            let parts = name.dropFirst(start.count).dropLast(".tmp".count).split(
                separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let process = Int32(parts[0]), process > 0, parts[1].allSatisfy(\.isASCII),
                // A process that cannot be looked at counts as there.
                (try? Paths.isThere("/proc/\(process)")) == false
            else { continue }
            Paths.removeIfPossible("\(folder)/\(name)")
        }
    }

    private static func mounts(_ places: Places) -> String { "\(places.runtime)/exports" }

    /// Removes mounts of exports whose process died. Waits for seconds if a mount's server hangs.
    static func clearStale(_ places: Places) {
        let mounts = mounts(places)
        guard Places.isOurs(mounts) else { return }
        // What is still in use is tried again at the next start.
        _ = try? StaleMounts.clear(under: mounts)
        for name in Folder.namesIfAny(in: mounts) {
            // One that is in use stays.
            _ = try? Paths.removeFolder("\(mounts)/\(name)")
        }
    }
}

extension MachineError {
    init(_ error: GuestDomainError) {
        switch error {
        case .system(let cause): self = .file(cause)
        case .missingProgram(let program, let package): self = .missingProgram(program, package: package)
        case .overlayFailed(let reason): self = .toolFailed(reason: reason)
        // Nothing that makes or reads disks throws others.
        default: self = .toolFailed(reason: "it could not be started")
        }
    }
}
