import Curl
import Formats
import Linux

/// A bucket of an S3 store, path style: what a mirror needs of it, signed, and asked again when the store is busy.
package struct ObjectStore: Sendable {
    package let location: ObjectStoreLocation
    private let signer: RequestSigner
    private let transfers: TransferQueue
    private let retry: TransferRetry

    /// Bytes of an answer that is not an object: a page of 1,000 keys of 1 KiB, in XML.
    private static let answerLimit = 16 << 20

    package init(
        _ location: ObjectStoreLocation, credentials: ObjectStoreCredentials, transfers: TransferQueue,
        retry: TransferRetry = TransferRetry(attempts: 7, firstPause: 0.25, longestPause: 60)
    ) {
        self.location = location
        signer = RequestSigner(credentials: credentials, region: location.region)
        self.transfers = transfers
        self.retry = retry
    }

    /// Stores an object; readers see the old one or the new one.
    /// - Parameters:
    ///   - key: below the location's prefix.
    ///   - fields: such as `Cache-Control`; they come back with the object.
    /// - Throws: ``ObjectStoreError``.
    package func put(_ bytes: [UInt8], to key: String, fields: [String: String] = [:]) async throws(ObjectStoreError) {
        _ = try await request("PUT", key: key, fields: fields, body: bytes, limit: ObjectStore.answerLimit)
    }

    /// An object's bytes; nil when there is none.
    /// - Throws: ``ObjectStoreError``.
    package func get(_ key: String, limit: Int) async throws(ObjectStoreError) -> [UInt8]? {
        do throws(ObjectStoreError) {
            return try await request("GET", key: key, limit: max(limit, 65_536)).body.bytes
        } catch {
            // Who may not list is told 403 for what is not there; a wrong key is told the same, but by another code.
            switch error {
            case .failed(404, _, _), .refused("AccessDenied", _): return nil
            default: throw error
            }
        }
    }

    /// Removes an object; a missing one is not an error.
    /// - Throws: ``ObjectStoreError``.
    package func delete(_ key: String) async throws(ObjectStoreError) {
        _ = try await request("DELETE", key: key, limit: ObjectStore.answerLimit)
    }

    /// Makes the bucket. One of our own that is there already stays.
    /// - Throws: ``ObjectStoreError``.
    package func createBucket() async throws(ObjectStoreError) {
        _ = try await request("PUT", key: nil, limit: ObjectStore.answerLimit)
    }

    /// The sizes of all objects below a prefix, by their keys below the location's prefix.
    /// - Throws: ``ObjectStoreError``.
    package func list(_ prefix: String) async throws(ObjectStoreError) -> [String: Int] {
        var sizes: [String: Int] = [:]
        var token: String?
        let full = location.prefix + prefix
        repeat {
            var query = [(name: "list-type", value: "2"), (name: "prefix", value: full)]
            if let token { query.append((name: "continuation-token", value: token)) }
            let page = ObjectStoreAnswer(
                try await request(
                    "GET", key: nil, query: query, limit: ObjectStore.answerLimit, element: "ListBucketResult"
                ).body.bytes)
            guard page.text("IsTruncated") != nil else {
                throw .malformed(url: location.publicURL, reason: "this is not a list of objects")
            }
            for entry in page.elements("Contents") {
                guard let key = entry.text("Key"), let size = entry.text("Size").flatMap({ Int($0) }) else { continue }
                if key.hasPrefix(full) { sizes[String(key.dropFirst(location.prefix.count))] = size }
            }
            let next = page.text("IsTruncated") == "true" ? page.text("NextContinuationToken") : nil
            guard next == nil || next != token else {
                throw .malformed(url: location.publicURL, reason: "the list of objects does not go on")
            }
            token = next
        } while token != nil
        return sizes
    }

    // MARK: One request

    /// - Parameter element: the outermost one of the answer; nil where an answer is not a document of the store's.
    private func request(
        _ method: String, key: String?, query: [(name: String, value: String)] = [], fields: [String: String] = [:],
        body: [UInt8] = [], limit: Int, element: String? = nil
    ) async throws(ObjectStoreError) -> TransferResult {
        // The bucket itself when there is no key.
        let full = key.map { "/\(location.bucket)/\(location.prefix)\($0)" } ?? "/\(location.bucket)"
        let path = PercentEncoding.encode(full, keeping: .unreserved + "/")
        let url = location.endpoint + path + (query.isEmpty ? "" : "?\(RequestSigner.encode(query))")
        for attempt in 1... {
            // Signed again each time: a signature expires.
            let signed = signer.sign(
                method: method, host: location.host, path: path, query: query, fields: fields, body: body,
                time: WallClock.seconds)
            let (result, failure, isTransient, asked) = await send(
                TransferRequest(
                    url: url, maximumBytes: limit, headerFields: signed, method: ObjectStore.method(method, body),
                    takesAnyStatus: true))
            guard let result else {
                if !isTransient || attempt >= retry.attempts { throw failure }
                try await pause(retry.pause(after: attempt, asked: asked))
                continue
            }
            guard let fault = fault(of: result, method, element) else { return result }
            if !fault.isTransient || attempt >= retry.attempts { throw fault.error }
            try await pause(retry.pause(after: attempt))
        }
        throw .cancelled
    }

    private func pause(_ seconds: Double) async throws(ObjectStoreError) {
        do { try await Task.sleep(for: .seconds(seconds)) } catch { throw .cancelled }
    }

    /// What is wrong with an answer that calls itself good: an error in it, half of it, or the page of something on the way.
    private func fault(
        of result: TransferResult, _ method: String, _ element: String?
    ) -> (error: ObjectStoreError, isTransient: Bool)? {
        if method == "GET" && element == nil { return nil }
        let answer = ObjectStoreAnswer(result.body.bytes)
        guard let root = answer.root else {
            if element == nil {
                if answer.isBlankOrXML { return nil }
                return (somethingElse, false)
            }
            let isEmpty = result.body.bytes.isEmpty
            return (
                .malformed(
                    url: location.publicURL,
                    reason: isEmpty ? "it answered with nothing" : "this is not a list of objects"), isEmpty
            )
        }
        if root.name == "Error" {
            let (code, message) = (answer.text("Code") ?? "", answer.text("Message") ?? "")
            let isTransient =
                ["InternalError", "ServiceUnavailable"].contains(code) || ObjectStore.isTransient(200, code)
            return (explain(isTransient ? 503 : 200, code, message), isTransient)
        }
        if root.name == element {
            if root.isWhole { return nil }
            return (.malformed(url: location.publicURL, reason: "its answers break off half way"), true)
        }
        // A store's own answers to the rest are empty or of its own.
        if element == nil, root.name.lowercased() != "html",
            answer.isBlankOrXML || root.name.first?.isUppercase == true
        {
            return nil
        }
        return (somethingElse, false)
    }

    private var somethingElse: ObjectStoreError {
        .malformed(
            url: location.publicURL,
            reason: "it answered with a page of something else, such as a network's to sign in")
    }

    /// Sends a request once.
    /// - Returns: the result; without one the failure, whether it may pass, and the server's `Retry-After`.
    private func send(_ request: TransferRequest) async -> (
        TransferResult?, ObjectStoreError, isTransient: Bool, asked: Double
    ) {
        do {
            let result = try await transfers.send(request)
            if (200..<300).contains(result.status) { return (result, .cancelled, false, 0) }
            let answer = ObjectStoreAnswer(result.body.bytes)
            let (code, message) = (answer.text("Code") ?? "", answer.text("Message") ?? "")
            return (
                nil, explain(result.status, code, message), ObjectStore.isTransient(result.status, code),
                result.retryAfter
            )
        } catch let error as TransferError {
            if error == .cancelled { return (nil, .cancelled, false, 0) }
            return (nil, .unreachable(url: location.endpoint, reason: "\(error)"), error.isTransient, 0)
        } catch {
            return (nil, .cancelled, false, 0)
        }
    }

    private static func method(_ name: String, _ body: [UInt8]) -> TransferRequest.Method {
        switch name {
        case "PUT": .put(body)
        case "DELETE": .delete
        default: .get
        }
    }

    /// Busy, broken or slow: not our fault, and perhaps over in a moment.
    private static func isTransient(_ status: Int, _ code: String) -> Bool {
        status >= 500 || status == 429 || status == 408 || code == "RequestTimeout" || code == "SlowDown"
    }

    private func explain(_ status: Int, _ code: String, _ message: String) -> ObjectStoreError {
        switch (status, code) {
        case (_, "NoSuchBucket"):
            return .noSuchBucket(location.bucket, message: message.isEmpty ? "there is no such bucket" : message)
        case (401, _), (403, _), (_, "ExpiredToken"), (_, "InvalidToken"), (_, "InvalidAccessKeyId"):
            return .refused(code: code.isEmpty ? "\(status)" : code, message: message)
        case (300..<400, _):
            return .malformed(
                url: location.endpoint,
                reason: "it sends us elsewhere (\(status) \(code)): give the endpoint of the bucket's region")
        case (500..., _), (429, _), (408, _), (_, "SlowDown"), (_, "RequestTimeout"):
            return .unreachable(
                url: location.endpoint, reason: "it answered \(status) \(code.isEmpty ? message : code) again and again"
            )
        default: return .failed(status: status, code: code, message: message)
        }
    }
}
