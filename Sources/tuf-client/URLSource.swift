import Curl
import TUF

/// A repository's files below a URL.
struct URLSource: RepositorySource {
    private let base: String
    private let queue: TransferQueue

    init(base: String, queue: TransferQueue) {
        self.base = base.hasSuffix("/") ? base : base + "/"
        self.queue = queue
    }

    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        do {
            return try await queue.get(base + path, maximumBytes: maximumLength).body.bytes
        } catch let error as TransferError {
            switch error {
            // Object stores that may not be listed answer 403 for a file that is not there.
            case .notFound, .http(_, status: 403, _): throw .notFound
            case .tooLarge: throw .tooLong
            case .cancelled: throw .cancelled
            default: throw .unreachable(cause: error)
            }
        } catch {
            throw .unreachable(cause: error)
        }
    }
}
