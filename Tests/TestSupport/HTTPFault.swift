/// What a ``FaultyHTTPServer`` does wrong with one request.
package enum HTTPFault: Sendable {
    /// Nothing.
    case none
    /// An answer with this status and a short page.
    case status(Int)
    /// As `status`, and the server wants to be asked again after so many seconds.
    case statusRetry(Int, afterSeconds: Int)
    /// The file, one bit wrong in its middle.
    case wrongBytes
    /// These bytes in place of the file.
    case replaced([UInt8])
    /// The header announces the whole file; after so many bytes the connection ends in order.
    case truncated(after: Int)
    /// As `truncated`, but the connection is reset.
    case reset(after: Int)
    /// The file in small pieces, with a pause after each.
    case drip(bytes: Int, everyMilliseconds: Int)
    /// The file, after a pause.
    case delay(milliseconds: Int)
    /// Nothing at all until the server stops.
    case hang
    /// A body without end.
    case endless
    /// A redirection.
    case redirect(to: String)
}
