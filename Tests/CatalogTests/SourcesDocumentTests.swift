import ContentAddress
import Curl
import Foundation
import Linux
import TUF
import TestSupport
import Testing

@testable import Catalog

/// `sources.json`: versions whose bytes lie at vendors.
@Suite struct SourcesDocumentTests {
    private static let url = "https://images.example.org/d.qcow2"

    private static func version(_ day: String, _ source: VersionSource? = nil, size: UInt64 = 1000) throws
        -> DistributionVersion
    {
        var version = DistributionVersion(
            id: try #require(VersionID(day)), published: Timestamp(seconds: 0), index: "debian/\(day).caibx", size: size
        )
        version.source = source
        return version
    }

    private static func source(
        urls: [String] = [url], size: UInt64? = 1000, digests: [String] = [], trust: TrustLevel = .blocks,
        build: String? = nil
    ) -> VersionSource {
        VersionSource(urls: urls, format: .qcow2, size: size, digests: digests, trust: trust, build: build)
    }

    private static func document(_ distributions: [Distribution]) -> CatalogDocument {
        CatalogDocument(name: "Example", updated: Timestamp(seconds: 0), distributions: distributions)
    }

    private static func sources(_ source: VersionSource) throws -> CatalogDocument {
        document([Distribution(id: "debian", versions: [try version("2026-11-23", source)])])
    }

    @Test func aVersionsSourceIsReadAsItWasWritten() throws {
        let digest = "sha256:" + String(repeating: "ab", count: 32)
        let source = Self.source(urls: [Self.url, "file:///srv/d.qcow2"], digests: [digest], build: "20261123")
        let document = try Self.sources(source)
        #expect(try CatalogDocument.decodeSources(try document.encodeSources()) == document)
    }

    @Test(arguments: [
        ("urls", source(urls: [])), ("urls", source(urls: Array(repeating: url, count: 17))),
        ("urls[0]", source(urls: ["ftp://example.org/d"])), ("urls[0]", source(urls: ["/srv/d.qcow2"])),
        ("urls[0]", source(urls: ["https://"])), ("urls[0]", source(urls: ["https://example.org/a b"])),
        ("urls[0]", source(urls: ["https://example.org/\u{9B}2J"])), ("size", source(size: nil)),
        ("size", source(size: 999)), ("trust", source(trust: .whole)), ("trust", source(trust: .pieces)),
        ("digests", source(digests: ["sha256:ab"])),
        ("digests", source(digests: ["md5:" + String(repeating: "a", count: 32)])),
        ("build", source(build: "a\u{1B}[2J")), ("build", source(build: String(repeating: "a", count: 2049))),
    ])
    func aSourceOutOfBoundsIsRefused(place: String, source: VersionSource) throws {
        let document = try Self.sources(source)
        let bytes = try JSONEncoder().encode(document)
        #expect {
            try CatalogDocument.decodeSources([UInt8](bytes))
        } throws: { error in
            guard case CatalogError.malformed("distributions[0].versions[0].source.\(place)", _) = error else {
                return false
            }
            return true
        }
        #expect(throws: CatalogError.self) { try document.encodeSources() }
    }

    @Test func aPackOfAVendorsImageIsNotTaken() throws {
        var document = try Self.sources(Self.source())
        let without = document
        document.distributions[0].versions[0].packs = [
            PublishedPack(pack: "debian/2026-11-23.bootpack", size: 4096, storedSize: 100)
        ]
        let bytes = try document.encodeSources()
        #expect(String(decoding: bytes, as: UTF8.self).contains("bootpack"))
        #expect(try CatalogDocument.decodeSources(bytes) == without)
    }

    @Test func everyVersionOfItHasASource() throws {
        let document = Self.document([Distribution(id: "debian", versions: [try Self.version("2026-11-23")])])
        #expect(throws: CatalogError.self) { try CatalogDocument.decodeSources(try document.encode()) }
    }

    /// Readers of released versions boot such a version from the tree's blocks, and so does everybody else.
    @Test(arguments: [
        #""https://x""#, "[1]", #"{"format":"qcow2"}"#, #"{"urls":["x"],"format":"raw","trust":"blocks","digests":[]}"#,
    ])
    func aSourceInACatalogIsNotRead(_ source: String) throws {
        var text = String(
            decoding: try Self.document([Distribution(id: "debian", versions: [try Self.version("2026-11-23")])])
                .encode(),
            as: UTF8.self)
        text.replace(#""size" : 1000"#, with: #""size" : 1000, "source" : \#(source)"#)
        let read = try CatalogDocument.decode(Array(text.utf8))
        #expect(read.distributions[0].versions[0].source == nil)
        #expect(text.contains("source"))
    }

    @Test func noCatalogIsWrittenWithASource() throws {
        let document = try Self.sources(Self.source())
        #expect {
            try document.encode()
        } throws: {
            "\($0)".contains("belongs into a sources.json")
        }
    }

    /// A format or a level of trust that a later version has: the rest of the document counts all the same.
    @Test(arguments: [(#""format" : "qcow2""#, #""format" : "qcow9""#), (#""trust" : "blocks""#, #""trust" : "tree""#)])
    func aVersionThatThisProgramCannotReadIsLeftOut(word: String, later: String) throws {
        let document = Self.document([
            Distribution(
                id: "debian",
                versions: [
                    try Self.version("2026-11-23", Self.source()), try Self.version("2026-11-16", Self.source()),
                ])
        ])
        var text = String(decoding: try document.encodeSources(), as: UTF8.self)
        let place = try #require(text.range(of: word))
        text.replaceSubrange(place, with: later)
        let read = try CatalogDocument.decodeSources(Array(text.utf8))
        #expect(read.distributions[0].versions.map(\.id.text) == ["2026-11-16"])
    }

    @Test func whatTheCatalogSaysCountsMore() throws {
        var catalog = Self.document([
            Distribution(
                id: "debian", title: "Debian",
                versions: [try Self.version("2026-11-16"), try Self.version("2026-11-09")])
        ])
        catalog.distributions[0].withdrawn = [
            WithdrawnVersion(
                id: try #require(VersionID("2026-11-02")), when: Timestamp(seconds: 0), why: "", digest: nil,
                origin: nil)
        ]
        catalog.merge(
            sources: Self.document([
                Distribution(
                    id: "debian", title: "another",
                    versions: try ["2026-11-23", "2026-11-16", "2026-11-02"].map { try Self.version($0, Self.source()) }
                ),
                Distribution(id: "arch", versions: [try Self.version("2026-11-20", Self.source())]),
            ]))
        #expect(catalog.distributions.map(\.id) == ["debian", "arch"])
        let debian = catalog.distributions[0]
        #expect(debian.title == "Debian")
        #expect(debian.versions.map(\.id.text) == ["2026-11-23", "2026-11-16", "2026-11-09"])
        #expect(debian.versions.map { $0.source != nil } == [true, false, false])
    }

    @Test func aDocumentIsPartedAndMergedAgain() throws {
        let both = Self.document([
            Distribution(
                id: "both", versions: [try Self.version("2026-11-23", Self.source()), try Self.version("2026-11-16")]),
            Distribution(id: "plain", versions: [try Self.version("2026-11-16")]),
            Distribution(id: "sourced", versions: [try Self.version("2026-11-16", Self.source())]),
        ])
        let parts = both.parted(catalog: nil, sources: nil)
        #expect(parts.catalog.distributions.map(\.id) == ["both", "plain"])
        #expect(parts.catalog.distributions.flatMap(\.versions).allSatisfy { $0.source == nil })
        #expect(parts.sources?.distributions.map(\.id) == ["both", "sourced"])
        var merged = parts.catalog
        merged.merge(sources: try #require(parts.sources))
        #expect(merged == both)
        // A tree that never had one gets none.
        #expect(parts.catalog.parted(catalog: nil, sources: nil).sources == nil)
        // One whose last version went stays where it was.
        var empty = both
        empty.distributions[2].versions = []
        let again = empty.parted(catalog: parts.catalog, sources: parts.sources)
        #expect(again.catalog.distributions.map(\.id) == ["both", "plain"])
        #expect(again.sources?.distributions.map(\.id) == ["both", "sourced"])
    }

    // MARK: Followed

    private struct Followed {
        let folder: TemporaryDirectory
        let tree: SignedTree
        let library: CatalogLibrary
        let source: CatalogSource

        init() throws {
            folder = try TemporaryDirectory()
            tree = try SignedTree(path: folder.path("tree"))
            library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: TransferQueue())
            source = try CatalogSource(name: "os", location: folder.path("tree"))
            try tree.publish(SourcesDocumentTests.document([Distribution(id: "arch")]))
        }

        var kept: String { folder.path("state/catalogs/os/sources.json") }
    }

    @Test func aFollowedCatalogHasTheVersionsOfBoth() async throws {
        let followed = try Followed()
        _ = try await followed.library.add(followed.source, trust: .root(try followed.tree.root))
        #expect(try !Paths.isThere(followed.kept))
        let sources = try Self.sources(Self.source())
        try followed.tree.publish([CatalogDocument.sourcesName: try sources.encodeSources()])
        let copy = await followed.library.refreshed(followed.source)
        #expect(copy.state == .fresh, "\(String(describing: copy.error))")
        #expect(copy.document?.distributions.map(\.id) == ["arch", "debian"])
        let kept = followed.library.copy(of: followed.source)
        #expect(kept.document == copy.document)
        // What is kept is compared with what was signed.
        var damaged = try FileContents.read(followed.kept, limit: 1 << 20)
        damaged[damaged.count / 2] ^= 1
        try AtomicFile.write(damaged, to: followed.kept)
        #expect(followed.library.copy(of: followed.source).document == nil)
        // And comes again.
        #expect(await followed.library.refreshed(followed.source).document == copy.document)
        try Paths.remove(followed.kept)
        #expect(await followed.library.refreshed(followed.source).document == copy.document)
    }

    @Test func whatIsWrongWithItIsWrongWithTheCatalog() async throws {
        let followed = try Followed()
        let bad = try JSONEncoder().encode(try Self.sources(Self.source(urls: ["gopher://x/"])))
        try followed.tree.publish([CatalogDocument.sourcesName: [UInt8](bad)])
        await #expect(throws: CatalogError.self) {
            try await followed.library.add(followed.source, trust: .root(try followed.tree.root))
        }
    }

    @Test func aFileOnTheServerThatNobodySignedIsRefused() async throws {
        let followed = try Followed()
        let bytes = try Self.sources(Self.source()).encodeSources()
        try followed.tree.publish([CatalogDocument.sourcesName: bytes])
        let other = try Self.sources(Self.source(urls: ["https://elsewhere.example.org/d"])).encodeSources()
        try AtomicFile.write(
            other, to: followed.folder.path("tree/") + followed.tree.file(CatalogDocument.sourcesName, bytes))
        await #expect(throws: (any Error).self) {
            try await followed.library.add(followed.source, trust: .root(try followed.tree.root))
        }
    }

    // MARK: Places

    @Test func aCatalogLeadsToAVendorAsFarAsToAMirror() throws {
        let source = try CatalogSource(name: "os", location: "https://os.example.org/")
        let places = source.places(ofFile: [
            "https://images.example.org/d.qcow2", "https://u:p@images.example.org/d",
            "https://images.example.org/d?token=1",
            "file:///etc/passwd", "https://images.example.org/d.qcow2",
        ])
        #expect(places.map(\.url) == ["https://images.example.org/d.qcow2"])
        #expect(places.map(\.reach) == [.named(by: .internet)])
    }
}
