import Curl
import Linux
import ObjectStore
import TestSupport
import Testing

/// Answers that a healthy store does not give, from an nginx that gives them.
@Suite(
    .serialized, .enabled(if: ProgramPath.find("nginx") != nil, "nginx is not installed: apt-get install nginx-light"))
struct StrangeAnswerTests {
    private let transfers = TransferQueue()

    private func failure(_ answer: String, attempts: Int = 2) async throws -> (ObjectStoreError?, requests: Int) {
        let server = try NginxServer(tree: "/nonexistent", directives: "location / { \(answer) }")
        let store = ObjectStore(
            try #require(ObjectStoreLocation("s3://bucket", endpoint: String(server.url.dropLast()))),
            credentials: ObjectStoreCredentials(keyID: "a", secret: "b", sessionToken: "c"), transfers: transfers,
            retry: TransferRetry(attempts: attempts, firstPause: 0.005, longestPause: 1))
        var failure: ObjectStoreError?
        do { _ = try await store.list("") } catch { failure = error }
        // nginx logs a request after it has answered it.
        try await Task.sleep(for: .milliseconds(200))
        return (failure, server.requests().count)
    }

    private func isCase(_ error: ObjectStoreError?, _ test: (ObjectStoreError) -> Bool) -> Bool {
        error.map(test) ?? false
    }

    private static func error(_ code: String) -> String {
        "<Error><Code>\(code)</Code><Message>m &amp; n</Message></Error>"
    }

    @Test(arguments: ["ExpiredToken", "InvalidToken", "InvalidAccessKeyId"])
    func keysThatAreNoneAreRefusedAtOnce(code: String) async throws {
        let (error, requests) = try await failure("return 400 '\(Self.error(code))';")
        #expect(error == .refused(code: code, message: "m & n"))
        #expect(requests == 1)
    }

    @Test func aClockThatIsWrongIsSaid() async throws {
        let (error, _) = try await failure("return 403 '\(Self.error("RequestTimeTooSkewed"))';")
        #expect(error == .refused(code: "RequestTimeTooSkewed", message: "m & n"))
    }

    @Test(arguments: [500, 502, 503, 429])
    func whatMayPassIsAskedAgain(status: Int) async throws {
        let (error, requests) = try await failure("return \(status) '';", attempts: 4)
        #expect(isCase(error) { if case .unreachable = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 4)
    }

    private static let begun =
        "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3/\"><IsTruncated>false</IsTruncated>"

    @Test(arguments: [
        "<html><body>Sign in to the hotel</body></html>", "<!DOCTYPE html>\n<html lang=\"en\"></html>",
        "<ListAllMyBucketsResult></ListAllMyBucketsResult>", "{\"IsTruncated\": false}",
    ])
    func aPageOfSomethingElseIsNoList(page: String) async throws {
        let (error, requests) = try await failure("return 200 '\(page)';")
        #expect(isCase(error) { if case .malformed = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 1)
    }

    @Test(arguments: ["", begun, begun + "<Prefix/>", begun + "<Contents><Key>a</Key><Size>1</Size></Contents>"])
    func halfOfAnAnswerIsAskedForAgain(page: String) async throws {
        let (error, requests) = try await failure("return 200 '\(page)';", attempts: 3)
        #expect(isCase(error) { if case .malformed = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 3)
    }

    @Test func anErrorInAGoodAnswerIsAnError() async throws {
        let (busy, times) = try await failure("return 200 '\(Self.error("InternalError"))';", attempts: 3)
        #expect(isCase(busy) { if case .unreachable = $0 { true } else { false } }, "\(String(describing: busy))")
        #expect(times == 3)
        let (gone, once) = try await failure("return 200 '\(Self.error("NoSuchBucket"))';", attempts: 3)
        #expect(isCase(gone) { if case .noSuchBucket = $0 { true } else { false } }, "\(String(describing: gone))")
        #expect(once == 1)
    }

    @Test(arguments: ["<html>Sign in</html>", "Sign in", "{\"signed in\": false}", "<login/>"])
    func aPageInsteadOfAWrittenFileIsSaid(page: String) async throws {
        let server = try NginxServer(
            tree: "/nonexistent", directives: "location / { return 200 '\(page)'; }")
        let store = ObjectStore(
            try #require(ObjectStoreLocation("s3://bucket", endpoint: String(server.url.dropLast()))),
            credentials: ObjectStoreCredentials(keyID: "a", secret: "b"), transfers: transfers,
            retry: TransferRetry(attempts: 2, firstPause: 0.005, longestPause: 1))
        var failure: ObjectStoreError?
        do { try await store.put([1], to: "x") } catch { failure = error }
        #expect(isCase(failure) { if case .malformed = $0 { true } else { false } }, "\(String(describing: failure))")
    }

    @Test(arguments: ["return 200 'hello';", "return 301 http://127.0.0.1:1/;", "return 307 http://127.0.0.1:1/;"])
    func whatIsNoStoreIsSaid(answer: String) async throws {
        let (error, requests) = try await failure(answer)
        #expect(isCase(error) { if case .malformed = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 1)
    }

    @Test func aListThatDoesNotGoOnEnds() async throws {
        let page =
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
            + "<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>"
        let (error, requests) = try await failure("return 200 '\(page)';")
        #expect(isCase(error) { if case .malformed = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 2)
    }
}
