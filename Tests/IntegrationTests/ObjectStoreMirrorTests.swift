import Curl
import Glibc
import Linux
import ObjectStore
import TestSupport
import Testing

/// A tree that is copied to a real object store, and readers that use the copy.
@Suite(
    .serialized, .enabled(if: ObjectStoreServer.isInstalled, Comment(rawValue: ObjectStoreServer.reason)),
    .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct ObjectStoreMirrorTests {
    private func mirror(
        _ scenario: Scenario, _ server: ObjectStoreServer, endpoint: String? = nil, _ options: String...,
        environment: [String: String] = [:]
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.run(
            "oscircular-publish",
            ["mirror", scenario.tree, "s3://systems/os", "--endpoint", endpoint ?? server.endpoint] + options,
            environment: scenario.environment.merging(server.environment) { $1 }.merging(environment) { $1 })
    }

    private func makeBucket(_ server: ObjectStoreServer) async throws -> ObjectStore {
        let store = ObjectStore(
            try #require(ObjectStoreLocation("s3://systems/os", endpoint: server.endpoint)),
            credentials: ObjectStoreCredentials(keyID: ObjectStoreServer.keyID, secret: ObjectStoreServer.secret),
            transfers: TransferQueue())
        try await store.createBucket()
        return store
    }

    private func headers(of url: String) async throws -> String {
        try await BuiltProgram.runAny("curl", ["-sI", "--noproxy", "*", url]).stdout.lowercased()
    }

    @Test func readersUseTheCopyInTheStoreAsTheTree() async throws {
        let sources = try TemporaryDirectory()
        let weeks = try TwoWeeks.make(in: sources)
        let server = try await ObjectStoreServer()
        try await Scenario.with(images: [weeks[0]]) { scenario in
            let store = try await makeBucket(server)
            let first = try await mirror(scenario, server, "--acl", "public-read")
            try #require(first.status == 0, "\(first.stderr)")
            let url = "\(server.endpoint)/systems/os/"
            try await scenario.follow("store", at: url)
            #expect(try await scenario.client("list", "--json").contains(url.dropLast()))
            try await scenario.client("fetch", "store/tiny")
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("cache", "clear")
            try await scenario.client("mount", "store/tiny", directory)
            #expect(try await scenario.areEqual(weeks[0].path, "\(directory)/\(TwoWeeks.older)"))
            try await scenario.client("umount", directory)

            // The week after: what is new, and nothing else.
            try await scenario.publisher("add", scenario.tree, "tiny", TwoWeeks.newer, weeks[1].path)
            let there = try await store.list("blocks/").count
            let second = try await mirror(scenario, server, "--acl", "public-read")
            #expect(second.status == 0, "\(second.stderr)")
            #expect(second.stdout.contains("\(there) were there"), "\(second.stdout)")
            try await scenario.client("catalog", "refresh")
            try await scenario.client("mount", "store/tiny", directory)
            #expect(try await scenario.areEqual(weeks[1].path, "\(directory)/\(TwoWeeks.newer)"))
            try await scenario.client("umount", directory)

            // How long each may be kept on the way.
            let block = try #require(try await store.list("blocks/").keys.first)
            #expect(try await headers(of: url + block).contains("cache-control: public, max-age=31536000, immutable"))
            #expect(
                try await headers(of: "\(url)metadata/1.root.json").contains(
                    "cache-control: public, max-age=31536000, immutable"))
            #expect(
                try await headers(of: "\(url)metadata/timestamp.json").contains("cache-control: public, max-age=60\r"))
        }
    }

    @Test(.enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
    func aGuestBootsFromTheCopyInTheStore() async throws {
        let server = try await ObjectStoreServer()
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            _ = try await makeBucket(server)
            let copied = try await mirror(scenario, server, "--acl", "public-read")
            try #require(copied.status == 0, "\(copied.stderr)")
            try await scenario.follow("store", at: "\(server.endpoint)/systems/os/")
            // Nothing but the store answers.
            scenario.server.stop()
            let session = try await scenario.boot("store/tiny")
            _ = try await scenario.console(of: session, shows: "READY")
        }
    }

    @Test func aBusyStoreAndLostConnectionsAreOutlasted() async throws {
        let sources = try TemporaryDirectory()
        let weeks = try TwoWeeks.make(in: sources)
        let server = try await ObjectStoreServer()
        try await Scenario.with(images: weeks) { scenario in
            let store = try await makeBucket(server)
            let busy = try NginxServer.flaky(before: server)
            let copied = try await mirror(scenario, server, endpoint: String(busy.url.dropLast()))
            #expect(copied.status == 0, "\(copied.stderr)")
            #expect(try await store.list("metadata/").keys.contains("metadata/timestamp.json"))
        }
    }

    @Test func aStoreThatStaysAwayLeavesTheCopyAsItWas() async throws {
        let sources = try TemporaryDirectory()
        let weeks = try TwoWeeks.make(in: sources)
        let server = try await ObjectStoreServer()
        try await Scenario.with(images: [weeks[0]]) { scenario in
            let store = try await makeBucket(server)
            try #require(try await mirror(scenario, server).status == 0)
            let before = try await store.get("metadata/timestamp.json", limit: 65_536)
            try await scenario.publisher("add", scenario.tree, "tiny", TwoWeeks.newer, weeks[1].path)
            // Reads and lists work, what is written does not.
            let readOnly = try NginxServer(
                tree: "/nonexistent",
                directives: """
                    location / {
                        if ($request_method = PUT) { return 403 "<Error><Code>AccessDenied</Code></Error>"; }
                        proxy_pass \(server.endpoint);
                        proxy_set_header Host $http_host;
                    }
                    """)
            let refused = try await mirror(scenario, server, endpoint: String(readOnly.url.dropLast()))
            #expect(refused.status == 77, "\(refused.stderr)")
            #expect(try await store.get("metadata/timestamp.json", limit: 65_536) == before)
            #expect(try await mirror(scenario, server).status == 0)
            #expect(try await store.get("metadata/timestamp.json", limit: 65_536) != before)
        }
    }

    @Test func keysThatAreWrongOrMissingAreSaid() async throws {
        let server = try await ObjectStoreServer()
        try await Scenario.with { scenario in
            let none = try await mirror(scenario, server, environment: ["AWS_SECRET_ACCESS_KEY": ""])
            #expect(none.status == 77)
            #expect(none.stderr.contains("AWS_SECRET_ACCESS_KEY"))
            let wrong = try await mirror(scenario, server, environment: ["AWS_SECRET_ACCESS_KEY": "wrong"])
            #expect(wrong.status == 77)
            #expect(wrong.stderr.contains("SignatureDoesNotMatch"))
            let unknown = try await mirror(scenario, server, environment: ["AWS_ACCESS_KEY_ID": "nobody"])
            #expect(unknown.status == 77)
            #expect(unknown.stderr.contains("InvalidAccessKeyId"))
            #expect(!(wrong.stderr + unknown.stderr).contains(ObjectStoreServer.secret))
            let bucket = try await mirror(scenario, server)
            #expect(bucket.status == 66)
            let port = try FreePort.find()
            let away = try await mirror(scenario, server, endpoint: "http://127.0.0.1:\(port)")
            #expect(away.status == 69, "\(away.stderr)")
        }
    }
}
