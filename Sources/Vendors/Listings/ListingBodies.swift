import Catalog
import Crypto
import Curl
import FoundationEssentials
import Formats
import Linux
import Synchronization

/// Listings as servers sent them, kept by URL: several rows may read one, and each reads it in its own way. What has not changed is
/// not sent again.
///
/// A file is a line of JSON, with what the server said of the listing, and its bytes.
final class ListingBodies: Sendable {
    struct Body: Sendable {
        let bytes: [UInt8]
        /// What answered in the end.
        let url: String
        let validators: VendorRequests.Validators
    }

    private struct Header: Codable {
        let url: String
        let answered: String
        let validators: VendorRequests.Validators
    }

    private struct State {
        /// When a server answered, of the monotonic clock in nanoseconds.
        var answered: [String: UInt64] = [:]
        var asking: [String: Question] = [:]
    }

    private struct Question {
        let task: Task<Result<Body, VendorsError>, Never>
        var waiting = 1
    }

    private let folder: String
    private let requests: VendorRequests
    private let state = Mutex(State())

    private static let longestHeader = 16_384

    init(folder: String, requests: VendorRequests) { (self.folder, self.requests) = (folder, requests) }

    /// - Parameter age: seconds since an answer to this process within which its server is not asked again.
    /// - Throws: ``VendorsError``.
    func get(_ url: String, limit: Int, of system: String, age: UInt64) async throws(VendorsError) -> Body {
        let task = state.withLock { state in
            if let question = state.asking[url] {
                state.asking[url]?.waiting += 1
                return question.task
            }
            let isYoung = state.answered[url].map { MonotonicClock.nanoseconds - $0 < age * 1_000_000_000 } ?? false
            let task = Task { () async -> Result<Body, VendorsError> in
                let result: Result<Body, VendorsError>
                do throws(VendorsError) {
                    result = .success(try await self.ask(url, limit: limit, of: system, isYoung: isYoung))
                } catch {
                    result = .failure(error)
                }
                self.state.withLock { state in
                    state.asking[url] = nil
                    if case .success = result, !isYoung { state.answered[url] = MonotonicClock.nanoseconds }
                }
                return result
            }
            state.asking[url] = Question(task: task)
            return task
        }
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            // Others may still want it.
            state.withLock { state in
                state.asking[url]?.waiting -= 1
                if state.asking[url]?.waiting == 0 { state.asking[url]?.task.cancel() }
            }
        }
        return try result.get()
    }

    private func ask(_ url: String, limit: Int, of system: String, isYoung: Bool) async throws(VendorsError) -> Body {
        let kept = kept(url, limit: limit)
        if isYoung, let kept { return kept }
        let answer = try await requests.get(url, limit: limit, of: system, known: kept?.validators)
        if let bytes = answer.bytes {
            let body = Body(bytes: bytes, url: answer.url, validators: answer.validators)
            try keep(body, url)
            return body
        }
        guard let kept else {
            throw .structural(system: system, url: URLText.public(url), reason: "the server sent nothing")
        }
        return kept
    }

    private func kept(_ url: String, limit: Int) -> Body? {
        // What is not there, or spoiled, is fetched again.
        guard let all = try? FileContents.read(path(url), limit: limit + ListingBodies.longestHeader),
            let end = all.prefix(ListingBodies.longestHeader).firstIndex(of: 10),
            // As above.
            let header = try? JSONDecoder().decode(Header.self, from: Data(all[..<end])), header.url == url
        else { return nil }
        return Body(bytes: Array(all[(end + 1)...]), url: header.answered, validators: header.validators)
    }

    private func keep(_ body: Body, _ url: String) throws(VendorsError) {
        // Without them it would be sent again all the same.
        guard body.validators.etag != nil || body.validators.lastModified != nil || body.bytes.count < 1 << 20 else {
            return Paths.removeIfPossible(path(url))
        }
        do {
            try Folder.make(folder, mode: 0o700)
            let header = try JSONEncoder().encode(Header(url: url, answered: body.url, validators: body.validators))
            guard header.count < ListingBodies.longestHeader else { return }
            try AtomicFile.write([UInt8](header) + [10] + body.bytes, to: path(url), mode: 0o600)
        } catch {
            throw .state(path: path(url), reason: words(of: error))
        }
    }

    private func path(_ url: String) -> String {
        "\(folder)/\(Hexadecimal.string(of: SHA256.hash(data: Array(url.utf8))))"
    }
}
