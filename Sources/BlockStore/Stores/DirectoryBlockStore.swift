import ContentAddress
import Linux

/// A casync chunk store folder: `abcd/<64 hex>.cacnk`, or without the suffix where chunks are not compressed.
package final class DirectoryBlockStore: BlockStore {
    private let directory: String
    private let pool: DecodePool

    package init(directory: String, pool: DecodePool = .files) {
        self.directory = directory
        self.pool = pool
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        pool.submit { [directory] decoder in
            completion(
                Result { () throws(BlockStoreError) in
                    try DirectoryBlockStore.load(request, from: directory, decoder)
                })
        }
    }

    // A file is read where it is decompressed and verified, and not kept open for a second read.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    // Whatever is asked for is read in its turn, which comes soon.
    package func raise(_ id: BlockID) {}

    // Nor is a read of one file worth breaking off.
    package func cancel(_ id: BlockID) {}

    private static func load(
        _ request: BlockRequest, from directory: String, _ decoder: ChunkDecoder
    ) throws(BlockStoreError) -> BlockBytes {
        let path = "\(directory)/\(request.id.chunkStorePath)"
        if let bytes = try load(request, path: path, decoder, isCompressed: true) { return bytes }
        let plain = String(path.dropLast(".cacnk".count))
        if let bytes = try load(request, path: plain, decoder, isCompressed: false) { return bytes }
        // On a stick that is not plugged in more is missing than this block.
        guard Paths.allows([], directory) else {
            throw .unreachable(place: directory, cause: SystemCallError(.noSuchFile, call: "open", subject: directory))
        }
        throw .missing(request.id, place: path)
    }

    /// Nil when there is no such file.
    private static func load(
        _ request: BlockRequest, path: String, _ decoder: ChunkDecoder, isCompressed: Bool
    ) throws(BlockStoreError) -> BlockBytes? {
        let limit = isCompressed ? ChunkDecoder.maximumStoredBytes(request.length) : request.length
        let body: BlockBytes
        do throws(SystemCallError) {
            // O_NONBLOCK: a pipe in place of a file must not hold the thread.
            let file = try FileHandle(path, for: .reading, .nonblocking)
            let status = try file.status()
            guard status.kind == .regular else {
                throw SystemCallError(.isAFolder, call: "open", subject: path)
            }
            guard status.size <= limit else {
                throw SystemCallError(.fileTooLarge, call: "read", subject: path)
            }
            body = try BlockBytes(length: status.size) { (buffer) throws(SystemCallError) in
                guard try file.read(into: buffer, at: 0) == buffer.count else {
                    throw SystemCallError(.inputOutput, call: "read", subject: "\(path) (the file became shorter)")
                }
            }
        } catch  where error.number == .noSuchFile || error.number == .notAFolder {
            return nil
        } catch  where error.number == .fileTooLarge || error.number == .isAFolder {
            let reason =
                error.number == .fileTooLarge
                ? "the file is longer than \(limit) bytes" : "it is not a regular file"
            throw .corrupt(request.id, place: path, reason: reason)
        } catch {
            throw .unreachable(place: path, cause: error)
        }
        return try body.withUnsafeBytes { (bytes) throws(BlockStoreError) in
            isCompressed
                ? try decoder.decode(compressed: bytes, for: request, place: path)
                : try decoder.decode(uncompressed: bytes, for: request, place: path)
        }
    }
}
