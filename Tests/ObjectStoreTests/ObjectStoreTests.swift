import Curl
import ObjectStore
import TestSupport
import Testing

/// Our S3 requests against a real store.
@Suite(
    .serialized, .enabled(if: ObjectStoreServer.isInstalled, Comment(rawValue: ObjectStoreServer.reason)))
struct ObjectStoreTests {
    private let transfers = TransferQueue()

    private func store(
        _ url: String, _ server: ObjectStoreServer, secret: String = ObjectStoreServer.secret
    ) throws -> ObjectStore {
        ObjectStore(
            try #require(ObjectStoreLocation(url, endpoint: server.endpoint)),
            credentials: ObjectStoreCredentials(keyID: ObjectStoreServer.keyID, secret: secret), transfers: transfers,
            retry: TransferRetry(attempts: 3, firstPause: 0.01, longestPause: 1))
    }

    @Test func whatIsStoredComesBackAndIsListedAndGoes() async throws {
        let server = try await ObjectStoreServer()
        let bucket = try store("s3://tests/a+place/deep", server)
        try await bucket.createBucket()
        // Names with all that a URL, a signature or XML could read as something else.
        let names = ["plain", "a+b=c&d", "ä/ö ü", "<&>'\"", "100%25", "q?x#y", "(1)@:,;!*~"]
        for name in names { try await bucket.put(Array(name.utf8), to: name, fields: ["Cache-Control": "max-age=7"]) }
        for name in names { #expect(try await bucket.get(name, limit: 100) == Array(name.utf8), "\(name)") }
        #expect(try await Set(bucket.list("").keys) == Set(names))
        #expect(try await bucket.list("a+b")["a+b=c&d"] == 7)
        #expect(try await bucket.get("none", limit: 100) == nil)
        // Above a megabyte libcurl asks before it sends.
        let large = [UInt8](repeating: 9, count: 5_000_000)
        try await bucket.put(large, to: "large")
        #expect(try await bucket.get("large", limit: 6_000_000) == large)
        try await bucket.put([], to: "empty")
        #expect(try await bucket.get("empty", limit: 100) == [])
        try await bucket.delete("plain")
        try await bucket.delete("plain")
        #expect(try await bucket.get("plain", limit: 100) == nil)
    }

    @Test func aListOfManyPagesIsWhole() async throws {
        let server = try await ObjectStoreServer()
        let bucket = try store("s3://tests", server)
        try await bucket.createBucket()
        // A page has a thousand names.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2100 { group.addTask { try await bucket.put([1, 2], to: "many/\(number)") } }
            try await group.waitForAll()
        }
        try await bucket.put([1], to: "other")
        let list = try await bucket.list("many/")
        #expect(list.count == 2100)
        #expect(list.values.allSatisfy { $0 == 2 })
    }

    @Test func refusalsSayWhy() async throws {
        let server = try await ObjectStoreServer()
        let wrong = try store("s3://tests", server, secret: "wrong")
        await #expect(throws: ObjectStoreError.refused(code: "SignatureDoesNotMatch", message: "")) {
            try await wrong.put([1], to: "a")
        }
        await #expect {
            try await store("s3://not-there", server).put([1], to: "a")
        } throws: { error in
            if case ObjectStoreError.noSuchBucket("not-there", _) = error { true } else { false }
        }
    }

    @Test func aBusyAndBrokenStoreIsAskedAgain() async throws {
        let server = try await ObjectStoreServer()
        try await store("s3://tests", server).createBucket()
        let busy = try NginxServer.flaky(before: server)
        let bucket = ObjectStore(
            try #require(ObjectStoreLocation("s3://tests", endpoint: String(busy.url.dropLast()))),
            credentials: ObjectStoreCredentials(keyID: ObjectStoreServer.keyID, secret: ObjectStoreServer.secret),
            transfers: transfers, retry: TransferRetry(attempts: 12, firstPause: 0.005, longestPause: 1))
        for number in 0..<60 { try await bucket.put([UInt8](repeating: 7, count: 100_000), to: "\(number)") }
        #expect(try await bucket.list("").count == 60)
        #expect(busy.requests().count > 70)
    }

    @Test(arguments: [
        "http://x", "s3://", "s3://ab", "s3://UPPER", "s3://bucket/../x", "s3://bucket/a b", "s3://bu cket",
    ])
    func whatIsNoBucketIsRefused(_ url: String) {
        #expect(ObjectStoreLocation(url, endpoint: "http://127.0.0.1:1") == nil)
    }

    @Test func anEndpointIsASchemeAndAHost() {
        for endpoint in ["", "127.0.0.1", "ftp://x", "http://x/y", "http://", "http://u@x"] {
            #expect(ObjectStoreLocation("s3://bucket", endpoint: endpoint) == nil, "\(endpoint)")
        }
        let location = ObjectStoreLocation("s3://bucket/a//b/", endpoint: "HTTPS://x:1/")
        #expect(location?.publicURL == "https://x:1/bucket/a/b/")
    }
}
