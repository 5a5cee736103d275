import Curl
import TUF

/// A folder of a published tree, with the copies of it elsewhere. None of them needs trust.
package struct TreeSource: RepositorySource {
    /// Base URLs, each ending with a slash, in the order in which they are asked.
    private let bases: [String]
    private let transfers: TransferQueue
    /// Whether a place that lacks a file ends the search: what is not in the newest metadata's place is not there, whereas a
    /// mirror may simply not have a target yet.
    private let isAbsenceFinal: Bool
    /// Of every request; one place after the other.
    private let retry: TransferRetry

    package init(_ bases: [String], transfers: TransferQueue, isAbsenceFinal: Bool, retry: TransferRetry = .none) {
        self.bases = bases
        self.transfers = transfers
        self.isAbsenceFinal = isAbsenceFinal
        self.retry = retry
    }

    package func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        var failure = RepositorySourceError.notFound
        for base in bases {
            do {
                let body = try await transfers.get(base + path, maximumBytes: maximumLength, retry: retry).body
                return body.withUnsafeBytes { Array($0) }
            } catch let error as TransferError {
                switch error {
                // Object stores that may not be listed answer 403 for a file that is not there.
                case .notFound, .http(_, status: 403): if isAbsenceFinal { throw .notFound }
                case .tooLarge: throw .tooLong
                case .cancelled: throw .cancelled
                default: failure = .unreachable(cause: error)
                }
            } catch {
                failure = .unreachable(cause: error)
            }
        }
        throw failure
    }
}
