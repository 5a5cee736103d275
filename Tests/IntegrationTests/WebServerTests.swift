import Glibc
import Linux
import TestSupport
import Testing

/// What nginx does with a tree when it is told what share/nginx says, as seen by curl.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct WebServerTests {
    private let folder: TemporaryDirectory
    private let tree: String

    init() async throws {
        folder = try TemporaryDirectory()
        chmod(folder.path, 0o755)
        tree = folder.path("tree")
        let image = folder.path("a.img")
        try PublisherFixtures.writeImage([.random(600_000, seed: 1)], to: image)
        for arguments in [["init", tree], ["add", tree, "debian", "2026-11-16", image]] {
            let result = try await BuiltProgram.run(
                "oscircular-publish", arguments + ["--keys", folder.path("keys")])
            try #require(result.status == 0, "\(result.stderr)")
        }
    }

    private func file(_ below: String, _ ending: String) throws -> String {
        let scan = TreeFiles.all(below: "\(tree)/\(below)")
        return String(try #require(scan.first { $0.hasSuffix(ending) }).dropFirst(tree.utf8.count + 1))
    }

    /// The answer's header in small letters.
    private func head(_ url: String, _ options: String...) async throws -> String {
        let arguments = ["-s", "-D", "-", "-o", "/dev/null", "--noproxy", "*", "--max-time", "20"] + options + [url]
        return try await BuiltProgram.runAny("curl", arguments).stdout.lowercased()
    }

    @Test func whatNeverChangesIsKeptForEverAndNotCompressed() async throws {
        let server = try NginxServer(tree: tree)
        let names = [
            try file("blocks", ".cacnk"), try file("targets", ".caibx"), try file("targets", ".catalog.json"),
            "metadata/1.root.json", "metadata/2.targets.json",
        ]
        for name in names {
            let answer = try await head(server.url + name, "-H", "Accept-Encoding: gzip, br")
            #expect(answer.hasPrefix("http/1.1 200"), "\(name): \(answer)")
            #expect(answer.contains("cache-control: public, max-age=31536000, immutable\r"), "\(name): \(answer)")
            #expect(!answer.contains("content-encoding"))
            #expect(answer.contains("content-length: "))
        }
    }

    @Test func whatIsNewIsAskedForAndNotSentAgain() async throws {
        let server = try NginxServer(tree: tree)
        let url = "\(server.url)metadata/timestamp.json"
        let answer = try await head(url)
        #expect(answer.contains("cache-control: no-cache\r"))
        let tag = try #require(answer.split(separator: "\r\n").first { $0.hasPrefix("etag: ") }).dropFirst(6)
        #expect(try await head(url, "-H", "If-None-Match: \(tag)").hasPrefix("http/1.1 304"))
        // A renewed one is another at once, whatever files nginx keeps open.
        let renewed = try await BuiltProgram.run(
            "oscircular-publish", ["timestamp", tree, "--keys", folder.path("keys")])
        try #require(renewed.status == 0)
        let body = try await BuiltProgram.runAny("curl", ["-s", "--noproxy", "*", url]).stdout
        #expect(body == (try FileContents.readText("\(tree)/metadata/timestamp.json", limit: 65_536)))
    }

    @Test func partsAreServed() async throws {
        let server = try NginxServer(tree: tree)
        let answer = try await head(server.url + (try file("blocks", ".cacnk")), "-r", "10-19")
        #expect(answer.hasPrefix("http/1.1 206"))
        #expect(answer.contains("content-length: 10\r"))
        #expect(answer.contains("immutable"))
    }

    @Test func whatIsNotPublishedIsNotServed() async throws {
        let server = try NginxServer(tree: tree)
        try AtomicFile.write("x", to: "\(tree)/blocks/.verified")
        try Folder.make("\(tree)/blocks/.ingest-1")
        try AtomicFile.write("x", to: "\(tree)/blocks/.ingest-1/1")
        try Folder.make("\(tree)/drafts")
        try AtomicFile.write("x", to: "\(tree)/drafts/targets.json")
        for name in [
            "blocks/.verified", "blocks/.ingest-1/1", "drafts/targets.json", "blocks/", "metadata/",
            "metadata/9.root.json",
        ] {
            let answer = try await head(server.url + name)
            #expect(answer.hasPrefix("http/1.1 404") || answer.hasPrefix("http/1.1 403"), "\(name): \(answer)")
            // A cache that remembered a root's absence would hide a change of keys.
            #expect(!answer.contains("immutable"))
        }
    }

    @Test func manyRequestsShareOneConnectionOverHTTP2() async throws {
        let certificates = try TestCertificates()
        let server = try NginxServer(tree: tree, certificates: certificates, isHTTP2: true)
        let url = server.url + (try file("blocks", ".cacnk"))
        let answer = try await head(url, "--http2", "-k")
        #expect(answer.hasPrefix("http/2 200"), "\(answer)")
        let many = try await BuiltProgram.runAny(
            "curl",
            ["-s", "--noproxy", "*", "-k", "--http2", "-o", "/dev/null", "-w", "%{num_connects}\n"]
                + (0..<20).map { _ in url }.flatMap { [$0, "-o", "/dev/null"] }.dropLast(2))
        #expect(many.stdout.split(separator: "\n").compactMap { Int($0) }.reduce(0, +) == 1, "\(many.stdout)")
    }

    @Test func theTableOfTheSimulationIsInTheDocument() async throws {
        var package = Substring(#filePath)
        for _ in 0..<3 { package = package.prefix(upTo: package.lastIndex(of: "/") ?? package.startIndex) }
        let made = try await BuiltProgram.runAny("python3", ["\(package)/benchmarks/scale/simulate"])
        try #require(made.status == 0, "\(made.stderr)")
        let document = try FileContents.readText("\(package)/docs/scale.md", limit: 1 << 20)
        #expect(document.contains(made.stdout), "\(made.stdout)")
    }
}

/// All files below a folder.
private enum TreeFiles {
    static func all(below path: String) -> [String] {
        Folder.namesIfAny(in: path).sorted().flatMap { name -> [String] in
            let full = "\(path)/\(name)"
            return Folder.isFolder(full) ? all(below: full) : [full]
        }
    }
}
