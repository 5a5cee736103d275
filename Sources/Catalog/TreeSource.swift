import Curl
import Synchronization
import TUF

/// A folder of a published tree, with the copies of it elsewhere. None of them needs trust.
package struct TreeSource: RepositorySource {
    /// Base URLs, each ending with a slash, in the order in which they are asked.
    private let bases: [TransferPlace]
    private let transfers: TransferQueue
    /// Whether a place without a file ends the search: what is not where the newest metadata is does not exist, whereas a
    /// mirror may simply not have a target yet.
    private let isAbsenceFinal: Bool
    private let retry: TransferRetry
    private let sighting: SourceSighting?

    /// - Parameters:
    ///   - retry: how often all places are asked, one after the other.
    ///   - sighting: told where the first of them was found.
    package init(
        _ bases: [TransferPlace], transfers: TransferQueue, isAbsenceFinal: Bool, retry: TransferRetry = .prompt,
        sighting: SourceSighting? = nil
    ) {
        self.bases = bases
        self.transfers = transfers
        self.isAbsenceFinal = isAbsenceFinal
        self.retry = retry
        self.sighting = sighting
    }

    package func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        try await fetch(path, maximumLength: maximumLength) { _ in nil }
    }

    /// The bytes of a file as its digest has them: a place that gives others does not keep the next from giving the right ones.
    func fetch(
        _ path: String, maximumLength: Int, mismatch: ([UInt8]) -> UntrustedReason?
    ) async throws(RepositorySourceError) -> [UInt8] {
        var waiting = bases
        var failure = RepositorySourceError.notFound
        for number in 1... {
            var errors: [TransferError] = []
            // Who said for good that there is nothing is not asked again.
            var later: [TransferPlace] = []
            for base in waiting {
                do {
                    let result = try await transfers.get(
                        base.url + path, maximumBytes: maximumLength, reach: base.reach,
                        seconds: TransferRequest.usualSeconds(maximumLength))
                    if base == bases.first, let kind = result.kind { sighting?.note(kind) }
                    let bytes = result.body.withUnsafeBytes { Array($0) }
                    guard let reason = mismatch(bytes) else { return bytes }
                    failure = .damaged(reason)
                } catch let error as TransferError {
                    switch error {
                    // Roots are asked for until there is none; nothing else may be absent from metadata, so a refusal there is
                    // the answer of something on the way.
                    case .http(_, status: 403, _) where isAbsenceFinal && !path.hasSuffix(".root.json"):
                        failure = .unreachable(cause: error)
                    // Object stores that may not be listed answer 403 for a file that is not there.
                    case .notFound, .http(_, status: 403, _): if isAbsenceFinal { throw .notFound }
                    // Another place may have the file, where this one has a page instead.
                    case .tooLarge:
                        if isAbsenceFinal { throw .tooLong }
                        failure = .tooLong
                    case .cancelled: throw .cancelled
                    // What the tree itself said matters more.
                    case .refused where base != bases.first: break
                    default: failure = .unreachable(cause: error)
                    }
                    errors.append(error)
                    if retry.mayPass(error) { later.append(base) }
                } catch {
                    throw .unreachable(cause: error)
                }
            }
            guard let pause = retry.pause(after: number, errors) else { break }
            waiting = later
            do { try await Task.sleep(for: .seconds(pause)) } catch { throw .cancelled }
        }
        throw failure
    }
}

/// Where the server of a tree was while its files were fetched.
package final class SourceSighting: Sendable {
    private let seen = Mutex<AddressKind?>(nil)

    package init() {}

    /// nil when nobody knows.
    package var kind: AddressKind? { seen.withLock { $0 } }

    /// One that is found now here, now there, counts as a stranger.
    func note(_ kind: AddressKind) { seen.withLock { $0 = $0 == nil || $0 == kind ? kind : .internet } }
}
