/// A target's name as a path, of a URL or of a file: whether it may be one, and which.
package enum TargetName {
    /// Refuses names that could lead out of a folder, as they are or after one more decoding.
    /// - Throws: ``TUFError/unsafeName(_:)``.
    package static func check(_ name: String) throws(TUFError) {
        let bytes = Array(name.utf8)
        let components = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isSafe =
            !bytes.isEmpty && bytes.count <= 4096
            && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }
            && components.allSatisfy { component in
                !component.isEmpty && component != [0x2e][...] && component != [0x2e, 0x2e][...]
            }
        // Encoded: a dot, a slash, a backslash, a NUL.
        let lowered = name.lowercased()
        let isDisguised = ["%2e", "%2f", "%5c", "%00"].contains { lowered.contains($0) }
        guard isSafe, !isDisguised else { throw .unsafeName(name) }
    }

    /// Where a target lies in a repository with consistent snapshots: `folder/DIGEST.name`.
    /// - Parameter digest: hexadecimal digits, of any of the target's digests.
    package static func path(of name: String, digest: String) -> String {
        // By bytes: a slash and a mark that combines with it are one character here, and two to everybody else.
        let slash = name.utf8.lastIndex(of: UInt8(ascii: "/"))
        let start = slash.map { name.utf8.index(after: $0) } ?? name.startIndex
        return "\(name[..<start])\(digest).\(name[start...])"
    }
}
