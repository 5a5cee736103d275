import Boot
import Catalog
import Curl
import ImageIndex
import Linux
import Vendors

/// What the user's IMAGE argument means: a local index file, and where its blocks are.
struct MountSource {
    let index: String
    let isTemporary: Bool
    var stores: [TransferPlace]
    /// An image of 2009, whose blocks are named by their SHA-1 and not authenticated.
    var isLegacy = false
    let fileName: String
    /// Bytes of the image as its catalog has them; nil where there is no catalog.
    var imageSize: UInt64?
    /// The vendor's file that the index describes, or that was unpacked to what it describes; nil for blocks in stores.
    var file: PinnedFile?
    var isUnpacked = false

    /// - Throws: ``CatalogAccessError``, ``TransferError``, ``UsageError``, ``SystemCallError``.
    /// - Parameter isIndex: whether the image is an index whatever it is called.
    static func find(
        _ image: String, store: String?, context: CommandContext, isIndex: Bool = false
    ) async throws -> MountSource {
        let isIndex = isIndex || endings.contains { image.hasSuffix($0) }
        if URLText.isURL(image) {
            return try await remote(URLText.encoded(image), store: store, context: context)
        }
        // What cannot be looked up may still be a version's name.
        if isIndex || image.hasPrefix("/") || image.hasPrefix(".") || (try? Paths.isThere(image)) == true {
            let path = try AbsolutePath.of(image)
            return try MountSource(index: path, isTemporary: false, of: path, store: store)
        }
        guard let name = VersionName(image) else {
            throw UsageError("'\(image)' is neither an index nor [CATALOG/]DISTRO[@VERSION]")
        }
        let systems = context.systems()
        await CommandContext.noteChange(of: name, systems)
        let chosen = try await systems.choose(name).version
        // Only needed if the state cannot be written; without a runtime folder either, there is no other place.
        let own = try? temporaryIndex(context)
        let found = try await systems.image(of: chosen, isNewest: name.version == nil, elsewhere: own)
        let image = try await readied(found, systems, context)
        guard image.file == nil || store == nil else {
            throw UsageError(
                "--store is for versions of catalogs: \(name.distribution) comes from its vendor's own servers")
        }
        let stores = try store.map { [TransferPlace(try storeURL($0))] } ?? image.chosen.blockLocations
        return MountSource(
            index: image.indexPath, isTemporary: image.indexPath == own, stores: stores,
            fileName: image.chosen.version.id.text, imageSize: image.imageSize, file: image.file,
            isUnpacked: image.isUnpacked)
    }

    /// Downloads and unpacks what cannot be streamed.
    private static func readied(
        _ image: VersionImage, _ systems: SystemsLibrary, _ context: CommandContext
    ) async throws -> VersionImage {
        let transfers = context.transfers()
        defer { transfers.close() }
        let fetch = VersionFetch(
            places: context.places, systems: systems, cache: context.cache(), transfers: transfers,
            failures: MirrorNotice.show)
        let progress = WholeFileProgress()
        defer { progress.end() }
        return try await fetch.readied(image) { progress.update($0) }
    }

    private static func remote(_ url: String, store: String?, context: CommandContext) async throws -> MountSource {
        let transfers = context.transfers()
        defer { transfers.close() }
        let bytes = try await transfers.get(url, maximumBytes: CatalogDocument.longestIndex, retry: .prompt).body
            .withUnsafeBytes {
                Array($0)
            }
        let path = try temporaryIndex(context)
        try AtomicFile.write(bytes, to: path, mode: 0o600)
        do {
            return try MountSource(index: path, isTemporary: true, of: url, store: store)
        } catch {
            // The first error is the one to report.
            _ = try? Paths.remove(path)
            throw error
        }
    }

    /// Where an index is stored while a mount starts.
    private static func temporaryIndex(_ context: CommandContext) throws -> String {
        try context.places.prepareRuntime()
        return AtomicFile.temporaryName(for: "\(context.places.runtime)/index")
    }

    /// - Parameters:
    ///   - index: path of the local index.
    ///   - place: where it came from; its blocks are beside it.
    /// - Throws: ``ImageIndexError``.
    private init(index: String, isTemporary: Bool, of place: String, store: String?) throws {
        let isLegacy = try ImageIndex(path: index).algorithm == .sha1
        if isLegacy {
            let shown = URLText.public(place)
            Terminal.note(
                "oscircular: \(shown) is a SHA-1 store of 2009: not authenticated, anybody on the way can change it")
        }
        let url = URLText.isURL(place) ? place : URLText.file(place)
        self.init(
            index: index, isTemporary: isTemporary,
            stores: [
                TransferPlace(
                    try store.map(Self.storeURL) ?? URLText.sibling(isLegacy ? "blockfile" : "default.castr", of: url))
            ],
            isLegacy: isLegacy, fileName: Self.name(url))
    }

    private init(
        index: String, isTemporary: Bool, stores: [TransferPlace], isLegacy: Bool = false, fileName: String,
        imageSize: UInt64? = nil, file: PinnedFile? = nil, isUnpacked: Bool = false
    ) {
        (self.index, self.isTemporary, self.stores) = (index, isTemporary, stores)
        (self.isLegacy, self.fileName, self.imageSize, self.file) = (isLegacy, fileName, imageSize, file)
        self.isUnpacked = isUnpacked
    }

    private static let endings = [".caibx", ".idx"]

    private static func name(_ url: String) -> String {
        let name = URLText.fileName(of: url)
        let plain = endings.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
        // As of `.caibx`, or of a folder's URL.
        return plain.isEmpty ? "image" : URLText.plainName(plain)
    }

    /// A folder becomes a file: URL, so that one kind of store serves both.
    /// - Throws: ``UsageError``.
    private static func storeURL(_ store: String) throws -> String {
        guard URLText.isURL(store) else { return URLText.file(try AbsolutePath.of(store)) }
        guard !store.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw UsageError(
                "'\(store)' is not a valid location of blocks: names are appended to it, so it must not contain ? or #")
        }
        return URLText.encoded(store)
    }
}
