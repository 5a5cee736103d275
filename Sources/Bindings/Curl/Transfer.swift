import CCurl
import Linux

/// One transfer from its start to its completion.
// @unchecked: made on the caller's thread, handed over through the queue's inbox, touched by the queue's thread only then.
final class Transfer: @unchecked Sendable {
    let ticket: TransferTicket
    let request: TransferRequest
    let completion: @Sendable (Result<TransferResult, TransferError>) -> Void
    /// Set while libcurl works on it.
    private(set) var easy: UnsafeMutableRawPointer?

    /// Where it is asked for now: redirects lead elsewhere.
    private(set) var url: String
    private var redirects = 0
    private var body: TransferBody
    private var attempt = 1
    private let errorText: UnsafeMutablePointer<CChar>
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var isTooLarge = false
    /// The sink has been asked, and did not want the body.
    private var (isBegun, isDeclined) = (false, false)
    private var discarded = 0
    /// Nanoseconds of ``MonotonicClock`` at which the request's time is over; nil before the first try.
    private var deadline: UInt64?
    var judge: ConnectionJudge

    init(
        ticket: TransferTicket, request: TransferRequest,
        completion: @escaping @Sendable (Result<TransferResult, TransferError>) -> Void
    ) {
        self.ticket = ticket
        self.request = request
        self.completion = completion
        body = TransferBody(file: request.file, sink: request.sink)
        url = request.url
        judge = ConnectionJudge(request.reach)
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        // One that never began has none, and libcurl may not be there.
        if let headers { curl_slist_free_all(headers) }
        errorText.deallocate()
    }

    /// Sets every option of a fresh or reset handle.
    /// - Throws: ``TransferError/unsupported(url:message:)`` when libcurl takes the URL or a header for impossible.
    func prepare(_ easy: UnsafeMutableRawPointer, options: TransferOptions) throws(TransferError) {
        self.easy = easy
        curl_slist_free_all(headers)
        headers = nil
        // What was meant for one server is not told to another.
        let isFirst = URLText.server(of: url) == URLText.server(of: request.url)
        for (name, value) in isFirst ? request.headerFields : [:] {
            let line = "\(name): \(value)"
            guard !line.utf8.contains(where: { $0 < 32 }), let longer = curl_slist_append(headers, line) else {
                throw .unsupported(url: shownURL, message: "a header field with control characters")
            }
            headers = longer
        }
        if let range = request.range {
            if let longer = curl_slist_append(headers, "Accept-Encoding: identity") { headers = longer }
            osc_curl_set_text(easy, CURLOPT_RANGE, "\(range.lowerBound)-\(range.upperBound - 1)")
        }
        osc_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        osc_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers)
        osc_curl_set_write(easy, Transfer.receive)
        osc_curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
        osc_curl_set_text(easy, CURLOPT_USERAGENT, options.userAgent)
        osc_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https,file")
        osc_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        // Without it cancelling waits for a name look-up that hangs.
        osc_curl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        osc_curl_set_long(easy, CURLOPT_BUFFERSIZE, 131_072)
        osc_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, options.connectSeconds * 1000)
        osc_curl_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
        osc_curl_set_long(easy, CURLOPT_LOW_SPEED_TIME, options.stallSeconds)
        osc_curl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
        // HTTP/2 by ALPN only: with prior knowledge curl 7.88 fails on every reused connection.
        osc_curl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        if url.lowercased().hasPrefix("https:") { osc_curl_set_long(easy, CURLOPT_PIPEWAIT, 1) }
        setDeadline(easy)
        // No proxy answers for a server of this machine: it would be trusted as one.
        let proxy = URLText.isOfThisMachine(url) ? nil : ProxyChoice.proxy(for: url)
        osc_curl_set_text(easy, CURLOPT_PROXY, proxy ?? "")
        osc_curl_set_text(easy, CURLOPT_NOPROXY, "")
        if let reason = judge.begin(url, proxy: proxy, written: options.writtenServers) {
            throw .refused(url: shownURL, message: reason)
        }
        if URLText.server(of: url) != nil { watchConnections(easy) }
        let server = URLText.server(of: url)
        if let access = options.hosts.last(where: { $0.name == server }) {
            let isOfOrigin = server == URLText.server(of: origin.url)
            try access.apply(to: easy, url: url, tellsWho: isOfOrigin || isOfUser(options))
        }
        prepareMethod(easy)
        let code = osc_curl_set_text(easy, CURLOPT_URL, url)
        guard code == CURLE_OK else {
            throw .unsupported(url: shownURL, message: String(cString: curl_easy_strerror(code)))
        }
    }

    /// Whether the user named the first URL's server. What a stranger leads to with a redirect is not told who we are.
    private func isOfUser(_ options: TransferOptions) -> Bool {
        origin.reach == .written || URLText.server(of: origin.url).map(options.writtenServers.contains) == true
    }

    private var origin: TransferPlace { request.origin ?? TransferPlace(request.url, reach: request.reach) }

    private func setDeadline(_ easy: UnsafeMutableRawPointer) {
        guard let seconds = request.seconds else { return }
        let now = MonotonicClock.nanoseconds
        let end = deadline ?? now + UInt64(seconds) * 1_000_000_000
        deadline = end
        // 0 would mean no limit.
        osc_curl_set_long(easy, CURLOPT_TIMEOUT_MS, end > now ? Int((end - now) / 1_000_000) + 1 : 1)
    }

    private func prepareMethod(_ easy: UnsafeMutableRawPointer) {
        switch request.method {
        case .get: break
        case .delete: osc_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, "DELETE")
        case .put(let bytes):
            osc_curl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
            // libcurl's own copy: an array has no place in memory that stays.
            if bytes.isEmpty {
                osc_curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, "")
            } else {
                _ = bytes.withUnsafeBytes {
                    osc_curl_set_pointer(
                        easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: $0.baseAddress))
                }
            }
            osc_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, "PUT")
        }
    }

    /// Whether the server sent us elsewhere: then ``prepare(_:options:)`` comes next, so that each server gets its own
    /// credentials and nobody else's. libcurl's way of following keeps a client certificate. Call it before the handle is reset.
    /// - Throws: ``TransferError/unsupported(url:message:)`` when we do not go there.
    func follows(_ code: CURLcode, options: TransferOptions) throws(TransferError) -> Bool {
        var status = 0
        var target: UnsafeMutablePointer<CChar>?
        guard let easy, !request.takesAnyStatus, code == CURLE_OK || code == CURLE_WRITE_ERROR else { return false }
        osc_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        osc_curl_get_text(easy, CURLINFO_REDIRECT_URL, &target)
        guard [301, 302, 303, 307, 308].contains(status), let target else { return false }
        let next = String(cString: target)
        redirects += 1
        guard redirects <= options.maximumRedirects else {
            throw .unsupported(url: shownURL, message: "more than \(options.maximumRedirects) redirects")
        }
        // A server must not send us to a file of ours, nor with a name and password of its choice to another server.
        guard URLText.server(of: next) != nil, let plain = URLText.withoutUser(next, keeping: url) else {
            throw .unsupported(url: shownURL, message: "it redirects to \(URLText.withoutCredentials(next))")
        }
        if !request.followsToPlainHTTP, url.lowercased().hasPrefix("https:"), !plain.lowercased().hasPrefix("https:") {
            throw .unsupported(
                url: shownURL,
                message: "it redirects from https to \(URLText.public(next)), which anybody on the way could change")
        }
        judge.answered(redirects: redirects - 1)
        judge.follow(from: url, to: plain)
        url = plain
        discarded = 0
        return true
    }

    /// Seconds after which the transfer begins anew; nil when its failure is final. Call it before the handle is reset.
    func pause(after error: TransferError) -> Double? {
        guard request.retry.mayPass(error), attempt < request.retry.attempts, request.file?.failure == nil,
            request.sink == nil
        else { return nil }
        return request.retry.pause(after: attempt, asked: retryAfter.map(Double.init))
    }

    /// Makes it as it was before its first start, but for the number of attempts.
    /// - Returns: false when its file cannot be emptied.
    func beginAnew() -> Bool {
        attempt += 1
        (easy, url, redirects, discarded) = (nil, request.url, 0, 0)
        (deadline, judge) = (nil, ConnectionJudge(request.reach))
        isTooLarge = false
        body = TransferBody(file: request.file)
        return request.file?.restart() ?? true
    }

    /// Seconds that the server asks to be left alone (`Retry-After`; libcurl reads dates there, too); nil when it does not.
    private var retryAfter: Int? {
        var seconds: curl_off_t = 0
        if let easy { osc_curl_get_offset(easy, CURLINFO_RETRY_AFTER, &seconds) }
        return seconds > 0 ? Int(seconds) : nil
    }

    /// What the transfer came to. Call it before the handle is reset.
    func outcome(_ code: CURLcode) -> Result<TransferResult, TransferError> {
        guard let easy else { return .failure(.cancelled) }
        if let refusal = judge.refusal, code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK {
            return .failure(.refused(url: shownURL, message: refusal))
        }
        judge.answered(redirects: redirects)
        var status = 0
        osc_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        if !request.takesAnyStatus {
            // A long error page is broken off (CURLE_WRITE_ERROR); the status counts.
            if status == 404 || status == 410 { return .failure(.notFound(url: shownURL)) }
            if status >= 400, code == CURLE_OK || code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED {
                return .failure(.http(url: shownURL, status: status, retryAfter: retryAfter))
            }
            // A redirect that does not say where to.
            if status >= 300 && status != 304 { return .failure(.http(url: shownURL, status: status)) }
        }
        if isTooLarge || code == CURLE_FILESIZE_EXCEEDED {
            return .failure(.tooLarge(url: shownURL, limit: request.maximumBytes))
        }
        guard code == CURLE_OK || isDeclined else { return .failure(failure(code)) }
        var effective: UnsafeMutablePointer<CChar>?
        osc_curl_get_text(easy, CURLINFO_EFFECTIVE_URL, &effective)
        let url = effective.map { String(cString: $0) } ?? url
        return .success(
            TransferResult(
                status: status == 0 ? 200 : status, body: body, wait: wait(easy), retryAfter: Double(retryAfter ?? 0),
                effectiveURL: url, kind: judge.firstKind,
                head: request.range != nil || !request.headerFields.isEmpty ? head(easy, status: status) : nil))
    }

    private func head(_ easy: UnsafeMutableRawPointer, status: Int) -> TransferHead {
        TransferHead(
            easy, status: status == 0 ? 200 : status, url: url, reach: judge.reach, wait: wait(easy))
    }

    /// Without the time for name look-up, connection and TLS, which the next request does not need.
    private func wait(_ easy: UnsafeMutableRawPointer) -> Double {
        var (asked, answered): (curl_off_t, curl_off_t) = (0, 0)
        osc_curl_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &asked)
        osc_curl_get_offset(easy, CURLINFO_STARTTRANSFER_TIME_T, &answered)
        return Double(max(0, answered - asked)) / 1e6
    }

    private var shownURL: String { URLText.withoutCredentials(url) }

    private func failure(_ code: CURLcode) -> TransferError {
        let own = String(cString: errorText)
        let message = own.isEmpty ? String(cString: curl_easy_strerror(code)) : own
        switch code {
        case CURLE_FILE_COULDNT_READ_FILE:
            return .notFound(url: shownURL)
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_TOO_MANY_REDIRECTS, CURLE_NOT_BUILT_IN:
            return .unsupported(url: shownURL, message: message)
        default:
            return .connection(url: shownURL, code: Int(code.rawValue), message: message)
        }
    }

    /// libcurl's write function. Any number but the number of bytes breaks the transfer off.
    private static let receive: curl_write_callback = { data, size, count, user in
        guard let data, let user else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
        let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
        return transfer.take(bytes) ? bytes.count : 0
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let easy else { return false }
        var status = 0
        osc_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        if status >= 300 && !request.takesAnyStatus {
            // Reading a short page to its end keeps the connection.
            discarded += bytes.count
            return discarded <= 65_536
        }
        if let sink = request.sink, !isBegun {
            isBegun = true
            isDeclined = !sink.begin(head(easy, status: status))
        }
        // The whole in place of a part: at its end it would be right, after gigabytes.
        if request.range != nil, status == 200 { isDeclined = true }
        guard !isDeclined else { return false }
        var expected: curl_off_t = -1
        if body.count == 0 { osc_curl_get_offset(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &expected) }
        // Not left to libcurl, which counts the page of a redirect too.
        guard max(body.count + bytes.count, Int(expected)) <= request.maximumBytes else {
            isTooLarge = true
            return false
        }
        if expected > 0 { body.reserve(Int(expected)) }
        return body.append(bytes)
    }
}
