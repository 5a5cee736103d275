import Boot
import Catalog
import Glibc
import ImageIndex
import Linux

/// What the user's IMAGE argument means: an index file that is here, and where its blocks are.
struct MountSource {
    let index: String
    let isTemporary: Bool
    var stores: [String]
    /// An image of 2009, whose blocks are named by their SHA-1 and authenticated by nobody.
    var isLegacy = false
    let fileName: String

    /// - Throws: ``CatalogAccessError``, ``TransferError``, ``UsageError``, ``SystemCallError``.
    /// - Parameter isIndex: whether the image is an index whatever it is called.
    static func find(
        _ image: String, store: String?, context: CommandContext, isIndex: Bool = false
    ) async throws -> MountSource {
        let isIndex = isIndex || endings.contains { image.hasSuffix($0) }
        if ["http://", "https://", "file://"].contains(where: { image.hasPrefix($0) }) {
            return try await remote(image, store: store, context: context)
        }
        if isIndex || image.hasPrefix("/") || image.hasPrefix(".") || access(image, R_OK) == 0 {
            let path = AbsolutePath.of(image)
            return try MountSource(index: path, isTemporary: false, of: path, store: store)
        }
        guard let name = VersionName(image) else { throw UsageError("'\(image)' is no index and no DISTRO[@VERSION]") }
        let library = context.library()
        let chosen = try name.choose(from: await library.copies(refresh: true))
        return MountSource(
            index: try await library.index(of: chosen), isTemporary: false,
            stores: store.map { [storeURL($0)] } ?? chosen.blockLocations, fileName: chosen.version.id.text)
    }

    private static func remote(_ url: String, store: String?, context: CommandContext) async throws -> MountSource {
        let transfers = context.transfers()
        defer { transfers.close() }
        let bytes = try await transfers.get(url, maximumBytes: 256 << 20).body.withUnsafeBytes { Array($0) }
        try context.places.prepareRuntime()
        let path = AtomicFile.temporaryName(for: "\(context.places.runtime)/index")
        try AtomicFile.write(bytes, to: path, mode: 0o600)
        do {
            return try MountSource(index: path, isTemporary: true, of: url, store: store)
        } catch {
            unlink(path)
            throw error
        }
    }

    /// - Parameters:
    ///   - index: where the index is here.
    ///   - place: where it came from, which says where its blocks are.
    /// - Throws: ``ImageIndexError``.
    private init(index: String, isTemporary: Bool, of place: String, store: String?) throws {
        let isLegacy = try ImageIndex(path: index).algorithm == .sha1
        if isLegacy {
            Terminal.note(
                "oscircular: \(place) is a SHA-1 store of 2009: not authenticated, anybody on the way can change it")
        }
        let blocks = store ?? Self.folder(place) + (isLegacy ? "blockfile" : "default.castr")
        self.init(
            index: index, isTemporary: isTemporary, stores: [Self.storeURL(blocks)], isLegacy: isLegacy,
            fileName: Self.name(place))
    }

    private init(index: String, isTemporary: Bool, stores: [String], isLegacy: Bool = false, fileName: String) {
        (self.index, self.isTemporary, self.stores) = (index, isTemporary, stores)
        (self.isLegacy, self.fileName) = (isLegacy, fileName)
    }

    private static let endings = [".caibx", ".idx"]

    private static func folder(_ path: String) -> String {
        String(path[...(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    private static func name(_ path: String) -> String {
        let last = path.split(separator: "/").last.map(String.init) ?? path
        return endings.first { last.hasSuffix($0) }.map { String(last.dropLast($0.count)) } ?? last
    }

    /// A folder as a file: URL, so that one kind of store serves both.
    private static func storeURL(_ store: String) -> String {
        for scheme in ["http://", "https://", "file://"] where store.hasPrefix(scheme) { return store }
        // libcurl decodes what it opens, so the three characters that mean something in a file: URL are encoded.
        let encoded = AbsolutePath.of(store).utf8.map { byte -> String in
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"), 0...32, 127...:
                let digits = String(byte, radix: 16, uppercase: true)
                return "%" + (digits.count == 1 ? "0" : "") + digits
            default: return String(UnicodeScalar(byte))
            }
        }
        return "file://" + encoded.joined()
    }
}
