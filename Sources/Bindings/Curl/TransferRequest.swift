/// What to transfer, and how much of it at most.
package struct TransferRequest: Sendable {
    /// What is asked of the server.
    package enum Method: Sendable {
        case get
        /// These bytes become what the URL names.
        case put([UInt8])
        case delete
    }

    /// An http, https or file URL.
    package let url: String
    /// A body with more bytes than this is broken off.
    package let maximumBytes: Int
    /// Sent beside libcurl's own, by field name.
    package let headerFields: [String: String]
    /// Where the body goes instead of into memory.
    package let file: TransferFile?
    package let method: Method
    /// Whether an answer from 300 on is a result as well, with its body: for services that explain themselves there. It is never
    /// followed then.
    package let takesAnyStatus: Bool
    /// How often it is sent where its failure may pass. With `takesAnyStatus` an answer is never a failure.
    package let retry: TransferRetry
    /// Where it may lead.
    package let reach: TransferReach
    /// Seconds for all of it, redirects included, however busily bytes come; nil where only ``TransferOptions/stallSeconds`` counts.
    package let seconds: Int?
    /// The part that is wanted, of every server that the URL leads to; nil for the whole. Nobody then sends it compressed. A server may
    /// send the whole all the same, of which nothing is read then; the status says so, which is 206 otherwise.
    package var range: Range<UInt64>?
    /// What takes the body instead of memory; with it a transfer is tried once only.
    package var sink: TransferSink?
    /// The place whose redirects led to `url` earlier: its server and no other is told who we are.
    package var origin: TransferPlace?
    /// Whether a redirect from https to http is followed.
    package var followsToPlainHTTP = true

    package init(
        url: String, maximumBytes: Int, headerFields: [String: String] = [:], file: TransferFile? = nil,
        method: Method = .get, takesAnyStatus: Bool = false,
        retry: TransferRetry = .none, reach: TransferReach = .written, seconds: Int? = nil
    ) {
        self.url = url
        self.maximumBytes = maximumBytes
        self.headerFields = headerFields
        self.file = file
        self.method = method
        self.takesAnyStatus = takesAnyStatus
        self.retry = retry
        self.reach = reach
        self.seconds = seconds
    }

    /// Seconds that a file may take that somebody waits for: a quarter of a minute, and more for what may be long; no link that is of
    /// any use is as slow as that.
    package static func usualSeconds(_ maximumBytes: Int) -> Int { 15 + maximumBytes / 4096 }
}

/// A transfer that ended well.
package struct TransferResult: Sendable {
    /// The HTTP status, below 400; 200 for a file.
    package let status: Int
    package let body: TransferBody
    /// Seconds between the request and the first byte of its answer.
    package let wait: Double
    /// Seconds after which the server wants to be asked again (`Retry-After`); 0 when it says nothing.
    package let retryAfter: Double
    /// Where the body came from in the end, after redirects.
    package let effectiveURL: String
    /// Where the server of the request's own URL is; nil for a file, and where only a proxy knows.
    package let kind: AddressKind?
    /// What the server said of the body; nil for a request that had neither a range nor header fields.
    package let head: TransferHead?
}

/// How patient a ``TransferQueue`` is, and what it calls itself.
package struct TransferOptions: Sendable {
    /// Seconds without a single byte after which a transfer fails; at least 1.
    package var stallSeconds: Int
    /// Seconds for name look-up, connection and TLS together; at least 1.
    package var connectSeconds: Int
    /// Sent as `User-Agent`.
    package var userAgent: String
    /// Redirects followed before the transfer fails.
    package var maximumRedirects: Int
    /// What is known about single servers; the last one of a name counts.
    package var hosts: [HostAccess]
    /// Servers that the user wrote somewhere, as ``URLText/server(of:)`` has them: mirrors and redirects lead there wherever they are.
    /// Those of `hosts` need not be named again.
    package var writtenServers: Set<String>

    package init(
        stallSeconds: Int = 15, connectSeconds: Int = 10, userAgent: String = "oscircular", maximumRedirects: Int = 5,
        hosts: [HostAccess] = [], writtenServers: Set<String> = []
    ) {
        self.stallSeconds = max(1, stallSeconds)
        self.connectSeconds = max(1, connectSeconds)
        self.userAgent = userAgent
        self.maximumRedirects = maximumRedirects
        self.hosts = hosts
        self.writtenServers = writtenServers.union(hosts.map(\.name))
    }
}
