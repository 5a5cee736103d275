/// Which target names may become paths: of a URL, or of a file.
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
}
