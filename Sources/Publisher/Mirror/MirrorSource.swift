import BlockStore
import Catalog
import ContentAddress
import Curl
import Linux
import TUF

/// The tree that is copied: a server's, or a folder's. It needs no trust: all that comes from it is verified.
struct MirrorSource: Sendable {
    /// As the user named it, without a password.
    let name: String
    /// Ends with a slash.
    private let base: String
    private let transfers: TransferQueue
    private let cancellation: Cancellation

    /// How often a block is fetched whose bytes are damaged: a proxy on the way may have damaged it once.
    private static let attempts = 2

    /// - Parameter location: a URL or a folder's path.
    /// - Throws: ``MirrorError/place(_:reason:)``.
    init(_ location: String, transfers: TransferQueue, cancellation: Cancellation) throws(MirrorError) {
        let isURL = ["http://", "https://", "file://"].contains { location.lowercased().hasPrefix($0) }
        if !isURL && !Folder.isFolder(location) { throw .place(location, reason: "there is no such folder") }
        let place = isURL ? location : URLText.file(ResolvedPath.resolve(location))
        do throws(CatalogAccessError) {
            base = try CatalogSource(name: "source", location: place).url
        } catch {
            throw .place(location, reason: "it is neither an http, https or file URL nor a folder")
        }
        name = URLText.withoutCredentials(location)
        self.transfers = transfers
        self.cancellation = cancellation
    }

    var metadata: TreeSource { source("metadata") }
    var targets: TreeSource { source("targets") }

    private func source(_ folder: String) -> TreeSource {
        TreeSource([TransferPlace("\(base)\(folder)/")], transfers: transfers, isAbsenceFinal: true, retry: .patient)
    }

    /// A block as it is stored, verified: it unpacks to what its name says.
    /// - Throws: ``BlockStoreError``; ``PublisherError/interrupted(signal:)``.
    func block(_ block: WantedBlock) async throws -> [UInt8] {
        let place = URLText.withoutCredentials("\(base)\(TreePath.block(block.id))")
        let request = BlockRequest(id: block.id, length: block.length, algorithm: block.algorithm)
        for attempt in 1... {
            try cancellation.check()
            do {
                let body = try await transfers.get(
                    base + TreePath.block(block.id), maximumBytes: ChunkDecoder.maximumStoredBytes(block.length),
                    retry: .patient
                ).body
                try await verify(body, request, place)
                return body.bytes
            } catch let error as TransferError {
                switch error {
                case .notFound, .http(_, 403, _): throw BlockStoreError.missing(block.id, place: place)
                case .tooLarge:
                    throw BlockStoreError.corrupt(block.id, place: place, reason: "its file is too long")
                default: throw BlockStoreError.unreachable(place: place, cause: error)
                }
            } catch let error as BlockStoreError {
                if attempt >= MirrorSource.attempts { throw error }
            }
        }
        throw BlockStoreError.closed
    }

    /// On a thread that may compute for long.
    private func verify(_ body: TransferBody, _ request: BlockRequest, _ place: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            DecodePool.shared.submit { decoder in
                continuation.resume(
                    with: Result {
                        _ = try body.withUnsafeBytes { (bytes) throws(BlockStoreError) in
                            try decoder.decode(compressed: bytes, for: request, place: place)
                        }
                    })
            }
        }
    }
}
