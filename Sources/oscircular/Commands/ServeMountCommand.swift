import ArgumentParser
import BlockStore
import Boot
import Curl
import ImageIndex
import ImageMount
import Linux

/// `oscircular serve-mount`: the background process of `mount`. Its request comes on standard input.
struct ServeMountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve-mount", shouldDisplay: false)

    func run() async throws {
        let report = FileHandle(owning: SessionLauncher.reportDescriptor)
        report.closeOnExec()
        do {
            let input = try MainProgram.takeStandardInput()
            let context = try CommandContext.load()
            guard let request = try LineSocket.receive(MountRequest.self, from: input) else { return }
            let mount = try await ServedMount.start(request, context: context)
            // If nobody waits for it any more, the mount is served all the same.
            try? LineSocket.send(StartReport(isUp: true), to: report)
            await mount.untilEnded()
        } catch {
            let failure = ErrorReport(error)
            // Nobody waits for it any more.
            try? LineSocket.send(
                StartReport(failure: SessionFailure(exitCode: failure.exitCode, message: failure.message)), to: report)
        }
    }
}

/// A mount that this process serves.
struct ServedMount: Sendable {
    let image: MountedImage
    private let stores: BlockStores

    /// - Throws: what opening the index, the cache and the mount throw.
    static func start(_ request: MountRequest, context: CommandContext) async throws -> ServedMount {
        let index =
            try request.imageSize.map { try ImageIndex(path: request.index, imageSize: $0) }
            ?? ImageIndex(path: request.index)
        // The file stays open; its name is not needed any more.
        if request.isTemporary { Paths.removeIfPossible(request.index) }
        let ledger =
            request.isUnpacked == true
            ? nil : try request.file.map { try $0.ledger(index, in: context.places.ledgers) } ?? nil
        let (cache, transfers) = (context.cache(in: request.cache), context.transfers())
        let stores = try stores(request, index, ledger, cache, transfers, context)
        let options = MountOptions(
            readers: request.allowsOthers ? .everyone : .ownUser,
            read: ReadOptions(
                bound: .seconds(context.configuration.readBound), keepsFetching: false,
                readAhead: ReadOptions.usualReadAhead))
        let image = try await WorkerThread.run(name: "mount") {
            try MountedImage.mount(
                index: index, store: stores.caching, at: request.directory, fileName: request.fileName,
                options: options,
                format: request.file?.source.format ?? .raw, ledger: ledger)
        }
        return ServedMount(image: image, stores: stores)
    }

    private static func stores(
        _ request: MountRequest, _ index: ImageIndex, _ ledger: PieceLedger?, _ cache: BlockCache,
        _ transfers: TransferQueue, _ context: CommandContext
    ) throws -> BlockStores {
        guard let file = request.file else {
            return BlockStores(
                locations: request.stores, layout: request.isLegacy ? .blockFiles : .chunks, cache: cache,
                transfers: transfers, policy: .rounds(6), failures: MirrorNotice.show)
        }
        guard request.isUnpacked == true else {
            return try file.stores(
                index, ledger, cache: cache, transfers: transfers, policy: .rounds(6), failures: MirrorNotice.show)
        }
        let fetch = VersionFetch(
            places: context.places, systems: context.systems(), cache: cache, transfers: transfers)
        return BlockStores(
            remake: { try await fetch.remake(file) }, cache: cache, policy: .rounds(2), failures: MirrorNotice.show)
    }

    /// Waits until it is unmounted, by somebody or because of SIGINT or SIGTERM; while it is in use, a second one is needed.
    func untilEnded() async {
        let image = image
        Interruption.handle { signal in
            if signal == .hangUp { return }
            do {
                try image.unmount()
            } catch {
                Terminal.note("oscircular: \(ErrorReport(error).message); it ends when it is no longer in use")
                // A third signal tries again.
                Interruption.handle { _ in try? image.unmount(force: true) }
            }
        }
        let memory = IdleMemory.follow(image)
        await image.waitUntilUnmounted()
        memory.cancel()
        stores.close()
        // What has arrived should be in the cache the next time.
        await stores.caching.settle(within: .seconds(10))
    }
}
