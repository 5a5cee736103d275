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

    package init(
        stallSeconds: Int = 15, connectSeconds: Int = 10, userAgent: String = "oscircular", maximumRedirects: Int = 5,
        hosts: [HostAccess] = []
    ) {
        self.stallSeconds = max(1, stallSeconds)
        self.connectSeconds = max(1, connectSeconds)
        self.userAgent = userAgent
        self.maximumRedirects = maximumRedirects
        self.hosts = hosts
    }
}
