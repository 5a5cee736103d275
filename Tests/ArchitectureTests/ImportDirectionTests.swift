import Foundation
import Testing

/// The folder list is the flow, and imports point down it. This reads the import lines and holds that.
@Suite struct ImportDirectionTests {
    /// What each module may import of this package. Stages do not know their neighbours; only Boot knows all.
    /// `Formats` knows nobody, and everybody may use it.
    static let allowed: [String: Set<String>] = [
        "Formats": [], "Linux": ["CLinux"], "Zstd": ["CZstd"], "Zlib": ["CZlib"], "Lzma": ["CLzma"],
        "Curl": ["CCurl", "Linux"],
        "FUSE": ["CFUSE", "Linux"],
        "Libvirt": ["CLibvirt", "Linux"], "Logind": ["CLogind", "Linux"],
        "Slirp": ["CSlirp", "Linux"], "Seccomp": ["CSeccomp", "Linux"],
        "Curses": ["CNcurses", "Linux"], "TOML": ["CTOML"],
        "ContentAddress": [],
        "TUF": ["Linux"],
        "Catalog": ["TUF", "ContentAddress", "Curl", "Linux"],
        "Upstream": ["TUF", "ContentAddress", "Curl", "Linux"],
        // A pinned file is an image: its index is written here, and the first bytes come by a range and must be a disk's.
        "Vendors": [
            "Upstream", "TUF", "Catalog", "ImageIndex", "BlockStore", "DiskImage", "ContentAddress", "Curl", "TOML",
            "Linux",
        ],
        "DiskImage": ["Zlib", "Zstd", "Lzma", "Linux"],
        "ImageIndex": ["ContentAddress", "Linux"],
        "BlockStore": ["ContentAddress", "Curl", "Zstd", "Zlib", "Linux"],
        "ImageMount": ["DiskImage", "ContentAddress", "ImageIndex", "BlockStore", "FUSE", "Linux"],
        "GuestDomain": ["Libvirt", "Zlib", "Linux"],
        "GuestNetwork": ["Slirp", "Seccomp", "Linux"],
        "SFTP": ["Linux"],
        "ObjectStore": ["Curl", "Linux"],
        // A vendor's file that is published as it is must be one that readers can decode while it arrives, and a table of vendors one that
        // they read.
        "Publisher": [
            "TUF", "Upstream", "Catalog", "Vendors", "ImageIndex", "BlockStore", "DiskImage", "ContentAddress",
            "ObjectStore",
            "Curl",
            "Zstd", "Zlib", "TOML", "Linux",
        ],
        "Boot": [
            "Vendors", "Catalog", "ImageIndex", "BlockStore", "DiskImage", "ImageMount", "GuestDomain", "GuestNetwork",
            // A suspended guest's memory is a file.
            "ContentAddress", "Curl", "Logind", "Zstd", "TOML", "Linux",
        ],
        "BootMenu": [
            "Boot", "Vendors", "Catalog", "ImageIndex", "BlockStore", "GuestDomain", "ContentAddress", "Curl", "Curses",
            // Pictures for terminals are packed.
            "Zlib", "Linux",
        ],
        "oscircular": [
            "BootMenu", "Curses", "Boot", "Vendors", "Catalog", "ImageIndex", "BlockStore", "DiskImage", "ImageMount",
            "GuestDomain", "GuestNetwork", "SFTP", "Curl", "FUSE", "Linux",
        ],
        "oscircular-publish": [
            "Publisher", "Upstream", "ObjectStore", "TUF", "Catalog", "Curl", "ImageIndex", "BlockStore",
            "ContentAddress", "Linux",
        ],
        "tuf-client": ["TUF", "Curl", "Linux"],
    ]

    @Test(arguments: allowed.keys.sorted())
    func importsOnlyWhatItsStageMayKnow(_ module: String) throws {
        let own = Set(Self.allowed.keys).union(Self.allowed.values.joined())
        let files = try SourceTree.sourceFiles().filter { $0.module == module }
        #expect(!files.isEmpty, "\(module) has no files")
        for file in files {
            for imported in file.imports where own.contains(imported) && imported != "Formats" {
                #expect(Self.allowed[module]?.contains(imported) == true, "\(file.name) imports \(imported)")
            }
        }
    }

    @Test func everyModuleHasItsRow() throws {
        #expect(Set(try SourceTree.sourceFiles().map(\.module)) == Set(Self.allowed.keys))
    }

    @Test func onlyBindingsMeetC() throws {
        for file in try SourceTree.sourceFiles() where !file.url.path.contains("/Sources/Bindings/") {
            for imported in file.imports {
                let isC = imported.hasPrefix("C") && imported.dropFirst().first?.isUppercase == true
                #expect(!isC, "\(file.name) imports \(imported)")
            }
        }
    }

    /// Its extensions of the standard library's types are seen in every module above the one that imports it, and a single use of them links thirty
    /// megabytes of tables of languages, which each start pays for.
    @Test func nobodyImportsFoundationAsAWhole() throws {
        for file in try SourceTree.sourceFiles() {
            for whole in ["Foundation", "TOMLKit"] where file.imports.contains(whole) {
                Issue.record("\(file.name) imports \(whole): FoundationEssentials or TOML may have what it needs")
            }
        }
    }
}
