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

    package init(
        url: String, maximumBytes: Int, headerFields: [String: String] = [:], file: TransferFile? = nil,
        method: Method = .get, takesAnyStatus: Bool = false,
        retry: TransferRetry = .none
    ) {
        self.url = url
        self.maximumBytes = maximumBytes
        self.headerFields = headerFields
        self.file = file
        self.method = method
        self.takesAnyStatus = takesAnyStatus
        self.retry = retry
    }
}
