import Curl
import Linux
import TestSupport
import Testing
import Upstream

@testable import Publisher

/// Where a digest list is looked for, with servers that answer as they please.
@Suite struct DigestListPlacesTests {
    private let folder: TemporaryDirectory
    private let server: FaultyHTTPServer
    private static let retry = TransferRetry(attempts: 3, firstPause: 0.01, longestPause: 1)
    private let hasty = Downloads(retry: DigestListPlacesTests.retry)

    init() throws {
        folder = try TemporaryDirectory()
        try Folder.make(folder.file("web"))
        try PublisherFixtures.writeImage([.random(20_000, seed: 1)], to: folder.file("web/d.raw"))
        server = try FaultyHTTPServer(folder: folder.file("web"))
    }

    private func fetch(_ url: String, _ list: String? = nil) throws(PublisherError) {
        try hasty.image(
            url, to: folder.file("got"), digests: DigestListChoice(list), progress: PublishProgress())
    }

    private func writeOwnList() async throws {
        let made = try await BuiltProgram.runAny(
            "sh", ["-c", "cd '\(folder.file("web"))' && openssl dgst -sha256 d.raw > d.raw.sha256"])
        try #require(made.status == 0)
    }

    @Test(
        arguments: [
            HTTPFault.status(403), .status(401), .status(410), .status(400), .replaced(Array("<html>gone</html>".utf8)),
            .redirect(to: "/gone"),
        ])
    func whatIsNotThereIsLookedForElsewhere(fault: HTTPFault) async throws {
        try await writeOwnList()
        for name in ["/SHA256SUMS", "/SHA512SUMS"] { server.always(name, fault) }
        server.always("/gone", .replaced(Array("<!DOCTYPE html>".utf8)))
        try fetch(server.url + "d.raw")
        #expect(try folder.bytes("got") == (try folder.bytes("web/d.raw")))
        try fetch(server.url + "d.raw", "d.raw.sha256")
    }

    @Test func aServerThatIsBusyOnceIsAskedAgainAndOneThatStaysSoIsNotTakenForOneWithoutAList() async throws {
        try await writeOwnList()
        for name in ["/SHA256SUMS", "/d.raw.sha256", "/d.raw"] { server.script(name, .status(503), .reset(after: 0)) }
        try fetch(server.url + "d.raw")
        server.always("/SHA256SUMS", .status(503))
        #expect(throws: PublisherError.download(.http(url: server.url + "SHA256SUMS", status: 503))) {
            try fetch(server.url + "d.raw")
        }
        server.always("/SHA256SUMS", .none)
        server.always("/d.raw", .truncated(after: 300))
        let before = server.requests.count { $0 == "/d.raw" }
        #expect(throws: PublisherError.self) { try fetch(server.url + "d.raw") }
        #expect(server.requests.count { $0 == "/d.raw" } == before + DigestListPlacesTests.retry.attempts)
    }

    @Test func aListThatSaysTwoThingsIsSaidAndSoIsAPage() throws {
        let (one, two) = (String(repeating: "1", count: 64), String(repeating: "2", count: 64))
        try AtomicFile.write("\(one)  d.raw\n\(two)  d.raw\n", to: folder.file("web/SHA256SUMS"))
        func reason(_ list: String? = nil) -> String {
            do throws(PublisherError) {
                try fetch(server.url + "d.raw?token=SECRET", list)
                return ""
            } catch {
                if case .digest(let url, let reason) = error { return "\(url): \(reason)" }
                return "\(error)"
            }
        }
        server.always("/d.raw?token=SECRET", .none)
        #expect(reason() == "\(server.url)d.raw: \(server.url)SHA256SUMS lists d.raw twice, with different digests")
        try AtomicFile.write("<html>", to: folder.file("web/page"))
        #expect(reason("page") == "\(server.url)d.raw: \(server.url)page is not a list of SHA-256 or SHA-512 digests")
    }
}
