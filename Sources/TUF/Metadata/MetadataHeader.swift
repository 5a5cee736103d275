/// What the signed part of every role has.
package struct MetadataHeader: Sendable {
    /// Counts up from 1.
    package var version: Int
    /// The first moment at which it must not be used any more.
    package var expires: UTCTime

    /// Whether it may not be used at a time.
    package func isExpired(at time: UTCTime) -> Bool { time >= expires }

    /// Reads and checks `_type`, `spec_version`, `version` and `expires`.
    init(_ signed: FieldReader, type: String) throws(MetadataFault) {
        let found = try signed.string("_type")
        guard found == type else { throw .type(expected: type, found: found) }
        let specification = try signed.string("spec_version")
        let parts = specification.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0] == "1",
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else { throw .specificationVersion(specification) }
        version = try signed.version()
        expires = try signed.time("expires")
    }

    init(version: Int, expires: UTCTime) {
        self.version = version
        self.expires = expires
    }
}
