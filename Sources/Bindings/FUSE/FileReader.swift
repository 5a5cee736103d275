/// Gives the bytes of the one file that a ``SingleFileSession`` serves.
package protocol FileReader: Sendable {
    /// Answers the request, now or later, from any thread.
    ///
    /// Called on one of the session's threads. It may read a local file there; it must not wait for a network.
    /// The request lies within the file and is never empty. A reply has exactly ``ReadRequest/size`` bytes.
    func read(_ request: ReadRequest)
}
