/// What to transfer, how much of it at most, and how urgently.
package struct TransferRequest: Sendable {
    /// Demand goes before prefetch in the queue.
    package enum Priority: Sendable {
        case prefetch
        /// Somebody waits for it now.
        case demand
    }

    /// An http, https or file URL.
    package let url: String
    /// A body with more bytes than this is broken off.
    package let maximumBytes: Int
    package let priority: Priority
    /// Sent beside libcurl's own, by field name.
    package let headerFields: [String: String]
    /// Where the body goes instead of into memory.
    package let file: TransferFile?

    package init(
        url: String, maximumBytes: Int, priority: Priority = .demand, headerFields: [String: String] = [:],
        file: TransferFile? = nil
    ) {
        self.url = url
        self.maximumBytes = maximumBytes
        self.priority = priority
        self.headerFields = headerFields
        self.file = file
    }
}
