import Crypto
import Formats

/// AWS Signature Version 4 for S3, in the `Authorization` header.
///
/// Our own, because libcurl 7.88 signs neither the body's digest nor query strings soundly (it takes them as they were typed).
package struct RequestSigner: Sendable {
    private let credentials: ObjectStoreCredentials
    private let region: String

    package init(credentials: ObjectStoreCredentials, region: String) {
        self.credentials = credentials
        self.region = region
    }

    /// The header fields of a signed request, those given among them. `Host` is signed and left to libcurl to send.
    /// - Parameters:
    ///   - host: with the port where the URL has one.
    ///   - path: percent-encoded, as in the URL.
    ///   - query: names and values, not encoded yet.
    ///   - fields: all of them are signed.
    ///   - time: seconds since 1970; a store refuses what is more than 15 minutes off.
    package func sign(
        method: String, host: String, path: String, query: [(name: String, value: String)] = [],
        fields: [String: String] = [:], body: [UInt8] = [], time: Int
    ) -> [String: String] {
        let (date, instant) = CivilTime(seconds: Int64(time)).basic
        let digest = Hexadecimal.string(of: SHA256.hash(data: body))
        var fields = fields
        fields["x-amz-content-sha256"] = digest
        fields["x-amz-date"] = instant
        if let token = credentials.sessionToken { fields["x-amz-security-token"] = token }

        let signed = (fields.map { ($0.key.lowercased(), $0.value) } + [("host", host)]).sorted { $0.0 < $1.0 }
        let names = signed.map(\.0).joined(separator: ";")
        let canonical = [
            method, path, RequestSigner.encode(query), signed.map { "\($0.0):\($0.1)\n" }.joined(), names, digest,
        ].joined(separator: "\n")
        let scope = "\(date)/\(region)/s3/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(instant)\n\(scope)\n\(Hexadecimal.string(of: SHA256.hash(data: Array(canonical.utf8))))"

        var key = SymmetricKey(data: Array("AWS4\(credentials.secret)".utf8))
        for part in [date, region, "s3", "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        let signature = Hexadecimal.string(of: HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        fields["Authorization"] =
            "AWS4-HMAC-SHA256 Credential=\(credentials.keyID)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
        return fields
    }

    /// A query as it is signed and sent: sorted, with `=` after every name.
    static func encode(_ query: [(name: String, value: String)]) -> String {
        query.map { (PercentEncoding.fileName(of: $0.name), PercentEncoding.fileName(of: $0.value)) }.sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }
}
