/// A bucket of an S3 store, and the part of it that is meant.
package struct ObjectStoreLocation: Sendable, Equatable {
    /// http or https, host and port; without a slash at its end.
    package let endpoint: String
    package let bucket: String
    /// Empty, or with a slash at its end.
    package let prefix: String
    package let region: String

    /// Reads `s3://BUCKET[/PREFIX]`.
    /// - Parameter endpoint: the store's URL without a path.
    /// - Returns: nil when either is something else.
    package init?(_ url: String, endpoint: String, region: String = "us-east-1") {
        guard url.hasPrefix("s3://") else { return nil }
        let parts = url.dropFirst(5).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        // What a bucket may be called (3 to 63 of these) keeps its name from being read as anything else in a URL.
        guard let bucket = parts.first, (3...63).contains(bucket.utf8.count),
            bucket.utf8.allSatisfy({ byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: ".")
            }), !bucket.hasPrefix("."), !bucket.hasPrefix("-")
        else { return nil }
        let segments = (parts.count > 1 ? parts[1] : "").split(separator: "/", omittingEmptySubsequences: true)
        guard segments.allSatisfy({ $0 != "." && $0 != ".." }),
            url.utf8.allSatisfy({ $0 > 32 && $0 != 127 })
        else { return nil }
        var base = endpoint
        while base.hasSuffix("/") { base.removeLast() }
        let scheme = base.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https", base.dropFirst(scheme.count).hasPrefix("://") else { return nil }
        let host = base.dropFirst(scheme.count + 3)
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
            !host.contains(where: { "/?#@".contains($0) })
        else { return nil }
        self.endpoint = "\(scheme)://\(host)"
        self.bucket = String(bucket)
        self.region = region
        prefix = segments.map { "\($0)/" }.joined()
    }

    /// Host and port as they are signed.
    var host: String {
        let host = String(endpoint[(endpoint.firstRange(of: "://")?.upperBound ?? endpoint.startIndex)...]).lowercased()
        let standard = endpoint.hasPrefix("https:") ? ":443" : ":80"
        return host.hasSuffix(standard) ? String(host.dropLast(standard.count)) : host
    }

    /// Where anybody reads it, when the bucket is public.
    package var publicURL: String { "\(endpoint)/\(bucket)/\(prefix)" }
}

/// The access key that an object store is asked with, and what belongs to it.
package struct ObjectStoreCredentials: Sendable, Equatable {
    package let keyID: String
    package let secret: String
    /// Of temporary keys; nil for lasting ones.
    package let sessionToken: String?

    package init(keyID: String, secret: String, sessionToken: String? = nil) {
        self.keyID = keyID
        self.secret = secret
        self.sessionToken = sessionToken
    }

    /// From AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, as other programs take them; nil when one of the
    /// first two is missing.
    /// - Parameter environment: looks up a variable.
    package init?(environment: (String) -> String?) {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        guard let keyID = variable("AWS_ACCESS_KEY_ID"), let secret = variable("AWS_SECRET_ACCESS_KEY") else {
            return nil
        }
        self.init(keyID: keyID, secret: secret, sessionToken: variable("AWS_SESSION_TOKEN"))
    }
}

extension ObjectStoreCredentials: CustomStringConvertible {
    /// Without the secret: credentials end up in logs.
    package var description: String { "access key \(keyID)" }
}
