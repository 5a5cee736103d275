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
    private let layout: Layout
    private let queue: TransferQueue
    private let pool: DecodePool
    /// Transfers that are under way, by block, for ``raise(_:)``.
    private let tickets = Mutex<[BlockID: [TransferTicket]]>([:])

    /// - Parameter baseURL: the folder that holds the files; a slash is added when it ends without one.
    package init(baseURL: String, layout: Layout = .chunks, queue: TransferQueue, pool: DecodePool = .shared) {
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
            url: url, maximumBytes: ChunkDecoder.maximumStoredBytes(request.length),
            priority: request.priority == .demand ? .demand : .prefetch)
        queue.start(transfer, as: ticket) { [self] result in
            forget(ticket, of: request.id)
            switch result {
            case .success(let result):
                // The thread that transfers has no time to decompress. What has arrived is decoded in the order of
                // arrival: a prefetch that has come this far is cheap, and may have been raised meanwhile.
                pool.submit(request.id, .demand) { decoder in
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

    package func raise(_ id: BlockID) {
        let waiting = tickets.withLock { $0[id] ?? [] }
        waiting.forEach(queue.raise)
    }

    package func cancel(_ id: BlockID) {
        let underWay = tickets.withLock { $0[id] ?? [] }
        underWay.forEach(queue.cancel)
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
        case .http, .connection, .unsupported: return .unreachable(place: place, cause: error)
        }
    }
}
