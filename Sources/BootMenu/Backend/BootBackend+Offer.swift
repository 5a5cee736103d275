import BlockStore
import Boot
import Catalog
import GuestDomain
import Linux

/// What can be booted: first what is stored locally, then what the servers have, then how much each version has to download.
extension BootBackend {
    /// At most this many versions of one system have their indexes fetched, which tell their download sizes.
    private static let mostPriced = 60

    package func catalogsStamp() async -> Int64 {
        let (library, states) = (library, WarmLibrary(cache: cacheOfUser.directory))
        // Without a thread nothing seems to have changed, and it is asked again soon.
        return (try? await WorkerThread.run(name: "catalogs") { library.sourcesStamp &+ states.stamp }) ?? 0
    }

    package func offers(isAsked: Bool) -> AsyncStream<MenuOffer> {
        AsyncStream { continuation in
            let task = Task {
                async let emulators = Emulators.offered(
                    uri: configuration.connect ?? HypervisorConnection.defaultURI, within: .seconds(20))
                let known = await systems.copies(refresh: false)
                let sessions = await registry.statuses()
                remember(known)
                continuation.yield(await offer(known, sessions, isPriced: false))
                continuation.yield(await offer(known, sessions, isPriced: true))
                let fresh = await renewed(await asked(known, isAsked: isAsked))
                remember(fresh)
                await fetchIndexes(of: BootBackend.newest(fresh))
                continuation.yield(await offer(fresh, sessions, isPriced: true, emulators: await emulators))
                continuation.finish()
                await DepartedVersions(places: places, systems: systems, cache: cacheOfUser).tidy(registry)
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    package func price(_ system: SystemName) async {
        let copies = library.sources().filter { $0.name == system.catalog }.map { library.copy(of: $0) }
        let versions = copies.flatMap { copy -> [ChosenVersion] in
            guard let document = copy.document, let distribution = document.distribution(system.distribution) else {
                return []
            }
            return distribution.versions.prefix(BootBackend.mostPriced).map {
                ChosenVersion(source: copy.source, document: document, distribution: distribution, version: $0)
            }
        }
        await fetchIndexes(of: versions)
    }

    /// The catalogs as their servers have them now; all servers are asked at once.
    private func asked(_ known: [CatalogCopy], isAsked: Bool) async -> [CatalogCopy] {
        guard isAsked else { return await systems.copies(refresh: true) }
        return await withTaskGroup(of: CatalogCopy.self) { group in
            for copy in known where !copy.source.isVendors {
                group.addTask { await self.library.refreshed(copy.source) }
            }
            let catalogs = await group.reduce(into: []) { $0.append($1) }.sorted { $0.source.name < $1.source.name }
            return catalogs + known.filter(\.source.isVendors)
        }
    }

    /// - Parameter emulators: nil before libvirt has said what it has.
    private func offer(
        _ copies: [CatalogCopy], _ sessions: [SessionStatus], isPriced: Bool, emulators: Emulators? = nil
    ) async -> MenuOffer {
        let (places, systems, cache) = (places, systems, cacheOfUser)
        let (configuration, hasDisplay) = (configuration, hasDisplay)
        // Without a thread there is nothing to show yet; the next offer has it.
        let overview = try? await WorkerThread.run(name: "overview") {
            // They may have been changed since the menu was opened; files that cannot be read change nothing.
            let settings = (try? Configuration.load(places.configurationFiles)) ?? configuration
            let reader = SystemsReader(
                places: places, systems: systems, cache: cache, emulators: emulators ?? .installed(),
                warm: WarmOutlook(
                    library: WarmLibrary(cache: cache.directory), configuration: settings, hasScreen: hasDisplay))
            let outline = reader.outline(copies, sessions: sessions)
            return isPriced ? reader.details(outline) : outline
        }
        guard let overview else { return MenuOffer(isPriced: isPriced) }
        var offer = MenuOffer(overview, isPriced: isPriced, message: describe)
        offer.hiddenVendors = await hiddenVendors()
        if isPriced, configuration.prefetchRest == "auto", copies.contains(where: \.source.isVendors) {
            // Without a thread to find out, the connection counts as unmetered.
            offer.isMetered = (try? await WorkerThread.run(name: "metered", MeteredNetwork.isMetered)) ?? false
        }
        return offer
    }

    /// The newest version of every system of the catalogs whose servers answered.
    private static func newest(_ copies: [CatalogCopy]) -> [ChosenVersion] {
        // Those of vendors have no index before somebody boots them.
        copies.filter { $0.isCurrent && !$0.source.isVendors }.flatMap { copy -> [ChosenVersion] in
            guard let document = copy.document else { return [] }
            return document.distributions.compactMap { distribution in
                distribution.versions.first.map {
                    ChosenVersion(source: copy.source, document: document, distribution: distribution, version: $0)
                }
            }
        }
    }

    /// Fetches indexes, boot sets and lists of boot packs that are not stored yet, a few at a time. If one fails, its download size stays unknown;
    /// booting it says why.
    private func fetchIndexes(of versions: [ChosenVersion]) async {
        await withTaskGroup(of: Void.self) { group in
            var rest = versions.prefix(500).makeIterator()
            func add() {
                guard !Task.isCancelled, let version = rest.next() else { return }
                group.addTask {
                    // Its download size stays unknown.
                    _ = try? await self.library.index(of: version)
                    // Without it the whole image is what it may need.
                    _ = try? await self.library.bootSet(of: version)
                    if self.configuration.usesPacks { await self.library.bringPackLists(of: version) }
                    await self.library.bringNeighbour(of: version, self.places)
                }
            }
            for _ in 0..<4 { add() }
            while await group.next() != nil { add() }
        }
    }
}
