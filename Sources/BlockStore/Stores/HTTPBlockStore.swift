import ContentAddress
import Curl
import Synchronization

/// A block store behind a URL: http, https or file.
package final class HTTPBlockStore: BlockStore {
    /// How a store names its files and what is in them.
    package enum Layout: Sendable {
        /// casync's chunk store: `abcd/abcd….cacnk`, zstd.
        case chunks
        /// LBCAS's block files: 40 digits of a SHA-1, zlib.
        case blockFiles
    }

    private let baseURL: String
    private let reach: TransferReach
    private let layout: Layout
    private let queue: TransferQueue
    private let pool: DecodePool
    /// Transfers that are under way, by block and oldest first, for ``cancel(_:)``.
    private let tickets = Mutex<[BlockID: [TransferTicket]]>([:])

    /// - Parameters:
    ///   - baseURL: the folder that holds the files; a slash is added when it ends without one.
    ///   - reach: where it may lead.
    package init(
        baseURL: String, reach: TransferReach = .written, layout: Layout = .chunks, queue: TransferQueue,
        pool: DecodePool = .shared
    ) {
        self.reach = reach
        self.layout = layout
        self.baseURL = baseURL.hasSuffix("/") ? baseURL : baseURL + "/"
        self.queue = queue
        self.pool = pool
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let layout = layout
        let url = baseURL + (layout == .chunks ? request.id.chunkStorePath : request.id.sha1)
        let ticket = TransferTicket()
        tickets.withLock { $0[request.id, default: []].append(ticket) }
        let transfer = TransferRequest(
            url: url, maximumBytes: ChunkDecoder.maximumStoredBytes(request.length), reach: reach)
        queue.start(transfer, as: ticket) { [self] result in
            forget(ticket, of: request.id)
            switch result {
            case .success(let result):
                // The thread that transfers has no time to decompress.
                pool.submit { decoder in
                    completion(
                        Result { () throws(BlockStoreError) in
                            try result.body.withUnsafeBytes { (bytes) throws(BlockStoreError) in
                                let place = URLText.withoutCredentials(url)
                                switch layout {
                                case .chunks:
                                    return try decoder.decode(
                                        compressed: bytes, for: request, place: place, wait: result.wait)
                                case .blockFiles:
                                    return try decoder.decode(
                                        blockFile: bytes, for: request, place: place, wait: result.wait)
                                }
                            }
                        })
                }
            case .failure(let error):
                completion(.failure(HTTPBlockStore.blockError(error, request, url)))
            }
        }
    }

    // A server keeps nothing locally.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    // Whatever is asked for is transferred at once: whoever asks for more than the queue has room for decides what waits.
    package func raise(_ id: BlockID) {}

    package func cancel(_ id: BlockID) {
        guard let oldest = tickets.withLock({ $0[id]?.first }) else { return }
        forget(oldest, of: id)
        queue.cancel(oldest)
    }

    private func forget(_ ticket: TransferTicket, of id: BlockID) {
        tickets.withLock { tickets in
            tickets[id]?.removeAll { $0 == ticket }
            if tickets[id]?.isEmpty == true { tickets[id] = nil }
        }
    }

    private static func blockError(_ error: TransferError, _ request: BlockRequest, _ url: String) -> BlockStoreError {
        let place = URLText.withoutCredentials(url)
        switch error {
        case .notFound: return .missing(request.id, place: place)
        case .tooLarge(_, let limit):
            return .corrupt(request.id, place: place, reason: "the body is longer than \(limit) bytes")
        case .cancelled: return .closed
        case .http, .connection, .unsupported, .refused: return .unreachable(place: place, cause: error)
        }
    }
}
