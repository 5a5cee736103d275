/// The frame of a clear-signed document (RFC 9580 section 7).
package enum ClearSigned {
    private static let beginning = Array("-----BEGIN PGP SIGNED MESSAGE-----".utf8)
    private static let signature = Array("-----BEGIN PGP SIGNATURE-----".utf8)
    private static let end = Array("-----END PGP SIGNATURE-----".utf8)

    /// Cuts out the signed text with its signature, for a verifier, which gives back the text inside: what stands before or behind is
    /// neither verified nor used.
    /// - Throws: ``SignatureError/malformed(_:)`` unless there is exactly one, whole: with two, verifier and reader might mean different ones.
    package static func frame(_ document: [UInt8]) throws(SignatureError) -> [UInt8] {
        var start: Int?
        var inSignature = false
        var found: Range<Int>?
        var position = 0
        for line in document.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let next = min(line.endIndex + 1, document.count)
            let text = Array(TextLines.trimmed(line))
            if text == beginning {
                guard start == nil, found == nil else { throw .malformed("the file has two signed texts") }
                start = position
            } else if text == signature, start != nil {
                inSignature = true
            } else if text == end, inSignature, let first = start {
                found = first..<next
                (start, inSignature) = (nil, false)
            }
            position = next
        }
        guard let found, start == nil else { throw .malformed("the file is not clear-signed, or is cut off") }
        return Array(document[found])
    }
}
