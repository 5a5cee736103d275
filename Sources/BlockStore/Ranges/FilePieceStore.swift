import ContentAddress
import Linux

/// A file of this machine as a block store: each block is a piece of it.
package final class FilePieceStore: BlockStore {
    private let path: String
    private let size: UInt64
    private let pieces: PiecePlaces
    private let pool: DecodePool

    /// - Parameters:
    ///   - size: bytes that the file must have.
    ///   - pieces: where each block is in it.
    package init(path: String, size: UInt64, pieces: PiecePlaces, pool: DecodePool = .files) {
        self.path = path
        self.size = size
        self.pieces = pieces
        self.pool = pool
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        pool.submit { [self] decoder in
            completion(Result { () throws(BlockStoreError) in try load(request, decoder) })
        }
    }

    // A file is read where its pieces are verified, and not kept open for a second read.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    // Whatever is asked for is read in its turn, which comes soon.
    package func raise(_ id: BlockID) {}

    // Nor is a read of one piece worth breaking off.
    package func cancel(_ id: BlockID) {}

    private func load(_ request: BlockRequest, _ decoder: ChunkDecoder) throws(BlockStoreError) -> BlockBytes {
        guard let offset = pieces.offset(of: request.id) else { throw .missing(request.id, place: path) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: request.length, alignment: 16)
        defer { buffer.deallocate() }
        do {
            let file = try FilePieceStore.open(path)
            let now = UInt64(try file.status().size)
            guard now == size else { throw RangeFault.changed(what: "it has \(now) bytes, not \(size)") }
            guard try file.read(into: buffer, at: Int(offset)) == buffer.count else {
                throw SystemCallError(.inputOutput, call: "read", subject: "\(path) (the file became shorter)")
            }
        } catch {
            throw .unreachable(place: path, cause: error)
        }
        return try decoder.decode(uncompressed: UnsafeRawBufferPointer(buffer), for: request, place: path)
    }

    /// A file's size and its first bytes.
    static func head(of path: String, count: Int) async throws -> (size: UInt64, bytes: [UInt8]) {
        try await WorkerThread.run(name: "probe") {
            let file = try open(path)
            let size = try file.status().size
            var bytes = [UInt8](repeating: 0, count: min(count, size))
            let read = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
            return (UInt64(size), Array(bytes.prefix(read)))
        }
    }

    private static func open(_ path: String) throws(SystemCallError) -> FileHandle {
        // A pipe in place of a file must not hold the thread.
        let file = try FileHandle(path, for: .reading, .nonblocking)
        guard try file.status().kind == .regular else {
            throw SystemCallError(.invalidArgument, call: "open", subject: path)
        }
        return file
    }
}
