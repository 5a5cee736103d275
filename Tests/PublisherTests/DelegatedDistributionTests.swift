import Catalog
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Distributions with publishers of their own, whose key is not always there: what such a one signs and what the catalog's publisher signs
/// for it become visible in one step.
@Suite(.timeLimit(.minutes(5))) struct DelegatedDistributionTests {
    private let fixture: TreeFixture
    private let server: FaultyHTTPServer

    init() throws {
        fixture = try TreeFixture()
        try Folder.make(fixture.folder.file("web"))
        server = try FaultyHTTPServer(folder: fixture.folder.file("web"))
    }

    private var id: VersionID { get throws { try #require(VersionID("2026-11-17")) } }

    private var published: PublishedTree {
        get throws { try PublishedTree(path: fixture.tree, keys: SigningKeys(folder: fixture.folder.file("keys"))) }
    }

    private func stamp() throws -> [UInt8] { try fixture.folder.bytes("tree/metadata/timestamp.json") }

    /// Takes a role's key away.
    /// - Returns: what brings it back.
    private func hide(_ role: String) throws -> () -> Bool {
        let folder = fixture.folder
        let key = try #require(folder.files(below: "keys").first { $0.contains("/\(role)-") })
        let elsewhere = folder.file("hidden-\(role)")
        try #require(rename(folder.file(key), elsewhere) == 0)
        return { rename(elsewhere, folder.file(key)) == 0 }
    }

    /// Adds a version whose file stays on its vendor's server: the catalog names it in a second signed document.
    private func addOfVendor() async throws -> (status: Int32, stdout: String, stderr: String) {
        try PublisherFixtures.writeImage([.random(TreeFixture.block, seed: 3)], to: fixture.folder.file("web/d.raw"))
        return try await fixture.run(
            "add", fixture.tree, "fedora", "2026-11-17", server.url + "d.raw", "--sums", "none", "--index-only")
    }

    private func add() async throws -> (status: Int32, stdout: String, stderr: String) {
        try await fixture.run("add", fixture.tree, "fedora", "2026-11-17", try fixture.image([7]))
    }

    /// Whether a change was refused because a role's key is missing, and nothing of it is visible.
    private func expectWaiting(
        _ added: (status: Int32, stdout: String, stderr: String), for role: String, since before: [UInt8]
    ) throws {
        #expect(added.status == 77 && added.stderr.contains("drafts/\(role).json"), "\(added.stderr)")
        #expect(try stamp() == before)
        #expect(try published.catalog().distribution("fedora")?.version(id) == nil)
        #expect(fixture.folder.files(below: "tree/drafts").count == 2)
    }

    @Test(arguments: ["fedora", "targets"], [false, true])
    func itIsListedInTheStepInWhichItIsSigned(missing role: String, isVendors: Bool) async throws {
        try await fixture.make()
        try await fixture.must("key", "delegate", fixture.tree, "fedora")
        // A vendor's first version is the catalog's own, which lists the distribution.
        if isVendors {
            try await fixture.must("add", fixture.tree, "fedora", "2026-11-16", try fixture.image([6]))
        }
        let bringBack = try hide(role)
        let before = try stamp()
        try expectWaiting(try await isVendors ? addOfVendor() : add(), for: role, since: before)

        #expect(bringBack())
        try await fixture.must("key", "sign", fixture.tree)
        let catalog = try published.catalog()
        let added = try #require(catalog.distribution("fedora")?.version(id))
        #expect((added.source != nil) == isVendors)
        #expect(fixture.folder.files(below: "tree/drafts").isEmpty)
        let verified = try await fixture.run("verify", fixture.tree)
        #expect(verified.status == 0, "\(verified.stdout)\(verified.stderr)")
    }

    @Test func onceListedItsOwnKeyIsEnough() async throws {
        try await fixture.make()
        try await fixture.must("key", "delegate", fixture.tree, "debian")
        let bringBack = try hide("targets")
        try await fixture.must("add", fixture.tree, "debian", "2026-11-17", try fixture.image([7]))
        #expect(try published.catalog().distribution("debian")?.versions.count == 3)
        #expect(bringBack())
        try await fixture.must("verify", fixture.tree)
    }
}
