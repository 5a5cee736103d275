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

    @Test(arguments: ["return 200 'hello';", "return 301 http://127.0.0.1:1/;", "return 307 http://127.0.0.1:1/;"])
    func whatIsNoStoreIsSaid(answer: String) async throws {
        let (error, requests) = try await failure(answer)
        #expect(isCase(error) { if case .malformed = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 1)
    }

    @Test func aListThatDoesNotGoOnEnds() async throws {
        let page =
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>a</Key>"
            + "<Size>1</Size></Contents>"
        let (error, requests) = try await failure("return 200 '\(page)';")
        #expect(isCase(error) { if case .malformed = $0 { true } else { false } }, "\(String(describing: error))")
        #expect(requests == 2)
    }
}
