import Catalog
import Linux
import TestSupport
import Testing

@testable import Publisher

/// What a browser is shown of a tree.
@Suite struct TreePageTests {
    private static let hostile =
        #"</title><script>alert(1)</script>" onload='x' &amp; <img src=x>"# + "\u{1B}[2J\u{202E}"

    private func document(_ text: String) throws -> CatalogDocument {
        var version = DistributionVersion(
            id: try #require(VersionID("2026-11-16")), published: Timestamp(seconds: 0), notes: text,
            index: "d/2026-11-16.caibx", size: 1_000_000, storedSize: 500_000)
        version.addedSize = 400_000
        var later = version
        later.id = try #require(VersionID("2026-11-23"))
        later.addedSize = 100_000
        var elsewhere = version
        elsewhere.id = try #require(VersionID("2026-11-30"))
        (elsewhere.storedSize, elsewhere.addedSize) = (nil, nil)
        elsewhere.source = VersionSource(
            urls: ["https://images.example.org/d.qcow2"], format: .qcow2, size: 1_000_000, trust: .blocks)
        return CatalogDocument(
            name: text, description: text, updated: Timestamp(seconds: 0),
            distributions: [
                Distribution(
                    id: "d", title: text, summary: text, homepage: "https://example.org/\"><script>",
                    guest: GuestSettings(login: text), versions: [version, later, elsewhere])
            ])
    }

    @Test func itSaysWhatThereIsAndHowToFollowIt() throws {
        let html = TreePage(document: try document("Weekly"), fingerprint: "abc123").html
        for text in [
            "<h1>Weekly</h1>", "catalog add weekly URL --fingerprint abc123", "2026-11-16", "2026-11-30",
            "bytes at images.example.org, qcow2", "500 kB", "<b>3</b><span>weeks, to 2026-11-30</span>",
            "x=\"800\" width=\"200\"",
        ] { #expect(html.contains(text), "\(text)\n\(html)") }
    }

    @Test func noTextBreaksOut() throws {
        let html = TreePage(document: try document(Self.hostile), fingerprint: "abc").html
        for text in ["<script", "<img", "onload='", "\u{1B}", "\u{202E}"] {
            #expect(!html.contains(text), "\(text)")
        }
        #expect(html.contains("default-src 'none'"))
        let home = try document("x")
        var bad = home
        bad.distributions[0].homepage = "javascript:alert(1)"
        #expect(TreePage(document: home, fingerprint: "").html.contains("<a "))
        #expect(!TreePage(document: bad, fingerprint: "").html.contains("<a "))
    }

    @Test func eachPublicationWritesItAndAMirrorMakesItsOwn() async throws {
        let fixture = try TreeFixture()
        try await fixture.must("init", fixture.tree, "--name", "Tests & <more>")
        let empty = try FileContents.readText("\(fixture.tree)/index.html", limit: 1 << 20)
        #expect(empty.contains("Tests &amp; &lt;more&gt;"))
        try await fixture.must("add", fixture.tree, "debian", "2026-11-09", try fixture.image([1, 2]))
        let page = try FileContents.readText("\(fixture.tree)/index.html", limit: 1 << 20)
        #expect(page.contains("2026-11-09"))
        // An existing tree stays as it is.
        try await fixture.must("init", fixture.tree)
        try AtomicFile.write(page + "<script>", to: "\(fixture.tree)/index.html")
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        // Of what was verified, not of what lies there.
        #expect(try FileContents.readText("\(fixture.copy)/index.html", limit: 1 << 20) == page)
        // Somebody's own page stays.
        try AtomicFile.write("<p>mine</p>", to: "\(fixture.tree)/index.html")
        try AtomicFile.write("<p>mine</p>", to: "\(fixture.copy)/index.html")
        try await fixture.must("withdraw", fixture.tree, "debian", "2026-11-09")
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        for folder in [fixture.tree, fixture.copy] {
            #expect(try FileContents.readText("\(folder)/index.html", limit: 1 << 20) == "<p>mine</p>")
        }
    }
}
