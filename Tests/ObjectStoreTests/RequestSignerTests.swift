import ObjectStore
import Testing

/// The examples of AWS's documentation, "Examples: Signature Calculations in AWS Signature Version 4".
@Suite struct RequestSignerTests {
    private let signer = RequestSigner(
        credentials: ObjectStoreCredentials(
            keyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), region: "us-east-1")
    private let host = "examplebucket.s3.amazonaws.com"
    /// 2013-05-24T00:00:00Z
    private let time = 1_369_353_600

    private func signature(_ fields: [String: String]) -> String {
        fields["Authorization"]?.split(separator: "=").last.map(String.init) ?? ""
    }

    @Test func signsAGetWithARange() {
        let fields = signer.sign(
            method: "GET", host: host, path: "/test.txt", fields: ["Range": "bytes=0-9"], time: time)
        #expect(fields["x-amz-date"] == "20130524T000000Z")
        #expect(
            fields["Authorization"]
                == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
                + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test func signsAPut() {
        let fields = signer.sign(
            method: "PUT", host: host, path: "/test%24file.text",
            fields: ["Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"],
            body: Array("Welcome to Amazon S3.".utf8), time: time)
        #expect(
            fields["x-amz-content-sha256"] == "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
        #expect(signature(fields) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
    }

    @Test func signsAQueryInOrderWhateverOrderItCameIn() {
        let query = [(name: "prefix", value: "J"), (name: "max-keys", value: "2")]
        let fields = signer.sign(method: "GET", host: host, path: "/", query: query, time: time)
        #expect(signature(fields) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func signsANameWithoutAValue() {
        let fields = signer.sign(
            method: "GET", host: host, path: "/", query: [(name: "lifecycle", value: "")], time: time)
        #expect(signature(fields) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
    }

    @Test func aSessionsTokenIsSent() {
        let signer = RequestSigner(
            credentials: ObjectStoreCredentials(keyID: "a", secret: "b", sessionToken: "c"), region: "eu-west-1")
        let fields = signer.sign(method: "GET", host: host, path: "/", time: time)
        #expect(fields["x-amz-security-token"] == "c")
        #expect(fields["Authorization"]?.contains("x-amz-security-token") == true)
    }
}
