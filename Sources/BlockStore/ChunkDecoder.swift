import ContentAddress
import Zlib
import Zstd

/// Turns stored bytes into a verified block. Each thread of a ``DecodePool`` has one.
package final class ChunkDecoder {
    private var decompressor: ZstdDecompressor?

    package init() {}

    /// The most bytes that a stored block of this length can have, compressed or not.
    package static func maximumStoredBytes(_ length: Int) -> Int {
        // zstd's bound, and room for the skippable frames and check sums of other writers.
        ZstdCompressor.bound(length) + 4096
    }

    /// Decompresses the body of a `.cacnk` file. The output never grows past the block's length.
    /// - Parameters:
    ///   - place: URL or path, for the error.
    ///   - wait: seconds to the answer's first byte, where it was measured.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)``.
    package func decode(
        compressed body: UnsafeRawBufferPointer, for request: BlockRequest, place: String, wait: Double? = nil
    ) throws(BlockStoreError) -> BlockBytes {
        let bytes: BlockBytes
        do throws(ZstdError) {
            let decompressor = try context()
            var written = 0
            bytes = try BlockBytes(length: request.length, transferred: body.count, wait: wait) {
                (output) throws(ZstdError) in
                written = try decompressor.decompress(body, into: output)
            }
            guard written == request.length else {
                throw ZstdError.malformed(reason: "\(written) bytes, not \(request.length)")
            }
        } catch {
            throw .corrupt(request.id, place: place, reason: ChunkDecoder.phrase(error))
        }
        return try ChunkDecoder.verify(bytes, for: request, place: place)
    }

    /// Takes the body of an uncompressed chunk.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)``.
    package func decode(
        uncompressed body: UnsafeRawBufferPointer, for request: BlockRequest, place: String
    ) throws(BlockStoreError) -> BlockBytes {
        guard body.count == request.length else {
            throw .corrupt(request.id, place: place, reason: "\(body.count) bytes, not \(request.length)")
        }
        let bytes = BlockBytes(length: request.length, transferred: body.count) { $0.copyMemory(from: body) }
        return try ChunkDecoder.verify(bytes, for: request, place: place)
    }

    /// Inflates a block file of an LBCAS store. The output never grows past the block's length.
    /// - Throws: ``BlockStoreError/corrupt(_:place:reason:)``.
    package func decode(
        blockFile body: UnsafeRawBufferPointer, for request: BlockRequest, place: String, wait: Double? = nil
    ) throws(BlockStoreError) -> BlockBytes {
        let bytes: BlockBytes
        do throws(Zlib.Failure) {
            var written = 0
            bytes = try BlockBytes(length: request.length, transferred: body.count, wait: wait) {
                (output) throws(Zlib.Failure) in
                written = try Zlib.decompress(body, into: output)
            }
            guard written == request.length else { throw .malformed }
        } catch {
            let reason: String =
                switch error {
                case .tooLarge(let limit): "it unpacks to more than \(limit) bytes"
                case .malformed: "it is no zlib stream of \(request.length) bytes"
                case .outOfMemory: "no memory to unpack it"
                }
            throw .corrupt(request.id, place: place, reason: reason)
        }
        return try ChunkDecoder.verify(bytes, for: request, place: place)
    }

    private func context() throws(ZstdError) -> ZstdDecompressor {
        if let decompressor { return decompressor }
        let decompressor = try ZstdDecompressor()
        self.decompressor = decompressor
        return decompressor
    }

    private static func verify(
        _ bytes: BlockBytes, for request: BlockRequest, place: String
    ) throws(BlockStoreError) -> BlockBytes {
        let actual = bytes.withUnsafeBytes { request.algorithm.blockID(of: $0) }
        guard actual == request.id else {
            throw .corrupt(request.id, place: place, reason: "its digest is \(actual)")
        }
        return bytes
    }

    private static func phrase(_ error: ZstdError) -> String {
        switch error {
        case .malformed(let reason), .compression(let reason): reason
        case .tooLarge(let limit): "it unpacks to more than \(limit) bytes"
        }
    }
}
