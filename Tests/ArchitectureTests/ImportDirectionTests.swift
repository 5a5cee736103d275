import Foundation
import Testing

/// The folder list is the flow, and imports point down it. This reads the import lines and holds that.
@Suite struct ImportDirectionTests {
    /// What each module may import of this package. Stages do not know their neighbours; only Boot knows all.
    static let allowed: [String: Set<String>] = [
        "Linux": ["CLinux"], "Zstd": ["CZstd"], "Zlib": ["CZlib"], "Curl": ["CCurl", "Linux"],
        "FUSE": ["CFUSE", "Linux"],
        "Libvirt": ["CLibvirt", "Linux"], "Slirp": ["CSlirp", "Linux"],
        "Curses": ["CNcurses", "Linux"],
        "ContentAddress": [],
        "TUF": ["Linux"],
        "Catalog": ["TUF", "ContentAddress", "Curl", "Linux"],
        "ImageIndex": ["ContentAddress", "Linux"],
        "BlockStore": ["ContentAddress", "Curl", "Zstd", "Zlib", "Linux"],
        "ImageMount": ["ContentAddress", "ImageIndex", "BlockStore", "FUSE", "Linux"],
        "GuestDomain": ["Libvirt", "Linux"],
        "GuestNetwork": ["Slirp", "Linux"],
        "ObjectStore": ["Curl"],
        "Publisher": [
            "TUF", "Catalog", "ImageIndex", "BlockStore", "ContentAddress", "ObjectStore", "Curl", "Zstd",
            "Zlib", "Linux",
        ],
        "Boot": [
            "Catalog", "ImageIndex", "BlockStore", "ImageMount", "GuestDomain", "GuestNetwork", "ContentAddress",
            "Curl",
            "Linux",
        ],
        "BootMenu": [
            "Boot", "Catalog", "ImageIndex", "BlockStore", "GuestDomain", "ContentAddress", "Curl", "Curses", "Linux",
        ],
        "oscircular": [
            "BootMenu", "Curses", "Boot", "Catalog", "ImageIndex", "BlockStore", "ImageMount", "GuestDomain",
            "GuestNetwork",
            "Curl", "FUSE", "Linux",
        ],
        "oscircular-publish": [
            "Publisher", "ObjectStore", "TUF", "Catalog", "Curl", "ImageIndex", "BlockStore", "ContentAddress", "Linux",
        ],
        "tuf-client": ["TUF", "Curl", "Linux"],
    ]

    /// The package's folder, from this file's own path.
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func imports(ofModuleAt folder: URL) throws -> [(file: String, module: String)] {
        let enumerator = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var found: [(String, String)] = []
        while let url = enumerator?.nextObject() as? URL {
            guard url.pathExtension == "swift" else { continue }
            for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
                    words[..<position].allSatisfy({
                        $0.hasPrefix("@") || ["package", "public", "internal"].contains($0)
                    })
                else { continue }
                let module = words[position + 1].split(separator: ".").first.map(String.init) ?? ""
                found.append((url.lastPathComponent, module))
            }
        }
        return found
    }

    @Test(arguments: allowed.keys.sorted())
    func importsOnlyWhatItsStageMayKnow(_ module: String) throws {
        let sources = Self.root.appending(path: "Sources")
        let bound = sources.appending(path: "Bindings/\(module)")
        let folder = FileManager.default.fileExists(atPath: bound.path) ? bound : sources.appending(path: module)
        let own = Set(Self.allowed.keys).union(Self.allowed.values.joined())
        let imports = try Self.imports(ofModuleAt: folder)
        #expect(!imports.isEmpty || module == "Zstd", "no source files at \(folder.path)")
        for (file, imported) in imports where own.contains(imported) {
            #expect(Self.allowed[module]?.contains(imported) == true, "\(module)/\(file) imports \(imported)")
        }
    }

    @Test func everyModuleHasItsRow() throws {
        let sources = Self.root.appending(path: "Sources")
        var modules = Set(try FileManager.default.contentsOfDirectory(atPath: sources.path))
        modules.remove("Bindings")
        let bindings = try FileManager.default.contentsOfDirectory(atPath: sources.appending(path: "Bindings").path)
        modules.formUnion(bindings.filter { !($0.hasPrefix("C") && $0.dropFirst().first?.isUppercase == true) })
        #expect(modules == Set(Self.allowed.keys))
    }

    @Test func onlyBindingsMeetC() throws {
        let sources = Self.root.appending(path: "Sources")
        for module in Self.allowed.keys.sorted() {
            let folder = sources.appending(path: module)
            guard FileManager.default.fileExists(atPath: folder.path) else { continue }
            for (file, imported) in try Self.imports(ofModuleAt: folder) {
                let isC =
                    imported.count > 1 && imported.hasPrefix("C") && imported.dropFirst().first?.isUppercase == true
                #expect(!isC, "\(module)/\(file) imports \(imported)")
            }
        }
    }
}
