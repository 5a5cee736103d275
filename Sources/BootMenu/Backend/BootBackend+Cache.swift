import BlockStore
import Boot
import Catalog
import ContentAddress
import ImageIndex
import Linux

/// The cache: pins, removal and verification; and the catalogs that are followed.
extension BootBackend {
    package func pin(_ image: VersionKey, _ isPinned: Bool) async throws {
        let versions = VersionCache(library: systems, cache: cacheOfUser)
        if isPinned {
            let chosen = try chosen(image)
            let path = try await systems.image(of: chosen).indexPath
            try await WorkerThread.run(name: "cache") { try versions.pin(VersionKey(chosen), indexPath: path) }
        } else {
            // A version that its catalog no longer has can still be unpinned.
            _ = try await WorkerThread.run(name: "cache") { try versions.unpin(image) }
        }
    }

    package func remove(_ image: VersionKey) async throws -> UInt64 {
        let versions = VersionCache(library: systems, cache: cacheOfUser)
        let overview = try await self.overview()
        let freed = try await WorkerThread.run(name: "cache") {
            try versions.remove(image, among: overview)
        }
        return UInt64(max(0, freed))
    }

    package func cache() async throws -> CacheOverview {
        let overview = try await self.overview()
        let (cache, library) = (cacheOfUser, library)
        return try await WorkerThread.run(name: "cache") {
            let status = try cache.status()
            return CacheOverview(
                directory: status.directory, limit: UInt64(max(0, status.limit)), used: UInt64(max(0, status.used)),
                blocks: status.blocks, repaired: status.repaired,
                items: CacheItem.all(of: overview, library: library, cache: cache))
        }
    }

    package func verify(_ progress: @escaping @Sendable (Int, Int) -> Void) async throws -> Int {
        let cache = cacheOfUser
        return try await WorkerThread.run(name: "cache") { try cache.verify(progress: progress).removed }
    }

    private func overview() async throws -> SystemsOverview {
        let reader = SystemsReader(places: places, systems: systems, cache: cacheOfUser)
        let copies = await systems.copies(refresh: false)
        return try await WorkerThread.run(name: "overview") { reader.details(reader.outline(copies, sessions: [])) }
    }

    // MARK: Catalogs

    package func add(_ request: CatalogRequest) async throws -> CatalogAnswer {
        let source = try CatalogSource(name: request.name, location: request.url)
        let known: CatalogTrust = .fingerprint(request.fingerprint)
        do {
            _ = try await library.add(source, trust: request.fingerprint.isEmpty ? .ask { _ in false } : known)
            return .added
        } catch CatalogAccessError.notConfirmed(_, let fingerprint) {
            return .asks(
                CatalogRequest(name: request.name, url: request.url, fingerprint: fingerprint),
                isPrivate: source.isPrivate)
        }
    }

    package func removeCatalog(_ name: String) async throws {
        let library = library
        try await WorkerThread.run(name: "catalog") { try library.remove(name) }
    }
}
