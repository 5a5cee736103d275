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
}
