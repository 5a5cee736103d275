import Boot
import Catalog
import Glibc
import Linux

/// What the user's IMAGE argument means: an index file that is here, and where its blocks are.
struct MountSource {
    let index: String
    let isTemporary: Bool
    let stores: [String]
    let fileName: String

    /// - Throws: ``CatalogAccessError``, ``TransferError``, ``UsageError``, ``SystemCallError``.
    static func find(_ image: String, store: String?, context: CommandContext) async throws -> MountSource {
        let isIndex = image.hasSuffix(".caibx")
        if isIndex
            && image.split(separator: ":", maxSplits: 1).first.map({ ["http", "https", "file"].contains($0) }) == true
        {
            return try await remote(image, store: store, context: context)
        }
        if isIndex || image.hasPrefix("/") || image.hasPrefix(".") || access(image, R_OK) == 0 {
            let path = AbsolutePath.of(image)
            return MountSource(
                index: path, isTemporary: false, stores: [storeURL(store ?? folder(path) + "default.castr")],
                fileName: name(path))
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
        return MountSource(
            index: path, isTemporary: true, stores: [storeURL(store ?? folder(url) + "default.castr")],
            fileName: name(url))
    }

    private static func folder(_ path: String) -> String {
        String(path[...(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    private static func name(_ path: String) -> String {
        let last = path.split(separator: "/").last.map(String.init) ?? path
        return last.hasSuffix(".caibx") ? String(last.dropLast(6)) : last
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
