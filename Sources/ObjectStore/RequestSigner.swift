import Crypto
import Glibc

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
        let (date, instant) = RequestSigner.dates(time)
        let digest = RequestSigner.hex(SHA256.hash(data: body))
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
            "AWS4-HMAC-SHA256\n\(instant)\n\(scope)\n\(RequestSigner.hex(SHA256.hash(data: Array(canonical.utf8))))"

        var key = SymmetricKey(data: Array("AWS4\(credentials.secret)".utf8))
        for part in [date, region, "s3", "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        let signature = RequestSigner.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        fields["Authorization"] =
            "AWS4-HMAC-SHA256 Credential=\(credentials.keyID)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
        return fields
    }

    /// A query as it is signed and sent: sorted, with `=` after every name.
    static func encode(_ query: [(name: String, value: String)]) -> String {
        query.map { (URIEncoding.encode($0.name), URIEncoding.encode($0.value)) }.sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// `20130524` and `20130524T000000Z`.
    private static func dates(_ time: Int) -> (date: String, instant: String) {
        var (seconds, parts) = (time_t(time), tm())
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let date = "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
        return (date, "\(date)T\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))Z")
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
