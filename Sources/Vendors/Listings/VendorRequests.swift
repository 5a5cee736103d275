import Curl
import Linux

/// Asks vendors' servers for small files, within their patience.
struct VendorRequests: Sendable {
    let transfers: TransferQueue
    let budget: HostBudget
    let table: VendorTable

    /// What a server said of a file earlier, so that it need not send it again.
    struct Validators: Sendable, Hashable, Codable {
        var etag: String?
        var lastModified: String?
    }

    struct Answer: Sendable {
        /// Nil where the file is as it was.
        let bytes: [UInt8]?
        let url: String
        let validators: Validators
    }

    /// Seconds that one file may take.
    private static let seconds = 120

    /// - Throws: ``VendorsError``.
    func get(_ url: String, limit: Int, of system: String, known: Validators? = nil) async throws(VendorsError)
        -> Answer
    {
        let server = URLText.server(of: url) ?? ""
        let shown = URLText.public(url)
        let rest = budget.rest(of: server)
        guard rest == 0 else {
            throw .transient(
                system: system, url: shown, reason: "the server failed before and is left alone for \(rest) s")
        }
        var fields = ["Accept": "*/*"]
        // One is enough, and the entity tag is the surer one.
        if let etag = known?.etag {
            fields["If-None-Match"] = etag
        } else if let time = known?.lastModified {
            fields["If-Modified-Since"] = time
        }
        var request = TransferRequest(
            url: url, maximumBytes: limit, headerFields: fields, retry: .prompt, reach: reach(of: url, system),
            seconds: VendorRequests.seconds)
        request.followsToPlainHTTP = false
        let result: TransferResult
        do { result = try await transfers.send(request) } catch {
            throw failure(error, system, server, shown)
        }
        budget.answered(server)
        let validators = Validators(etag: result.head?.entityTag, lastModified: result.head?.lastModified)
        if result.status == 304, let known {
            return Answer(bytes: nil, url: result.effectiveURL, validators: validators.etag == nil ? known : validators)
        }
        return Answer(bytes: result.body.bytes, url: result.effectiveURL, validators: validators)
    }

    /// A key's URL is of no system, and the table's own.
    private func reach(of url: String, _ system: String) -> TransferReach {
        table.row(system)?.reach(of: url) ?? table.reach(ofKey: url)
    }

    private func failure(_ error: any Error, _ system: String, _ server: String, _ shown: String) -> VendorsError {
        guard let error = error as? TransferError else {
            return .transient(system: system, url: shown, reason: words(of: error))
        }
        switch error {
        case .cancelled: return .transient(system: system, url: shown, reason: "the request was cancelled")
        case .notFound:
            budget.answered(server)
            return .structural(system: system, url: shown, reason: "does not exist")
        case .http(_, let status, let retryAfter) where error.isTransient:
            budget.failed(server, retryAfter: retryAfter)
            return .transient(
                system: system, url: shown,
                reason: "the server answered \(status)"
                    + (retryAfter.map { ", and wants to be asked again in \($0) s" } ?? ""))
        case .http(_, let status, _):
            budget.answered(server)
            return .structural(system: system, url: shown, reason: "the server answered \(status)")
        case .tooLarge(_, let limit):
            return .structural(system: system, url: shown, reason: "has more than \(limit) bytes")
        case .connection(_, _, let message):
            budget.failed(server, retryAfter: nil)
            return .transient(system: system, url: shown, reason: message)
        case .unsupported(_, let message), .refused(_, let message):
            return .structural(system: system, url: shown, reason: message)
        }
    }
}
