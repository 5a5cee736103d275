import ContentAddress
import Linux

/// Writes the index of an LBCAS store.
package enum LBCASIndexWriter {
    /// Writes the index of an image; it appears by rename, whole or not at all.
    /// - Parameter blocks: the SHA-1 of every block, in order.
    /// - Precondition: there are as many as the header says.
    /// - Throws: ``ImageIndexError/file(_:)``.
    package static func write(_ header: LBCASHeader, blocks: [BlockID], to path: String) throws(ImageIndexError) {
        precondition(blocks.count == header.count)
        var bytes = Array(header.text.utf8)
        bytes.reserveCapacity(bytes.count + blocks.count * LBCASHeader.rowSize)
        for id in blocks {
            bytes.append(contentsOf: id.sha1.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }
        do { try AtomicFile.write(bytes, to: path) } catch { throw .file(error) }
    }
}
