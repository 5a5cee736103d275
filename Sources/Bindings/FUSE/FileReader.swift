/// Gives the bytes of the one file that a ``SingleFileSession`` serves.
package protocol FileReader: Sendable {
    /// Answers the request, now or later, from any thread.
    ///
    /// Called on one of the session's threads. It may read a local file there; it must not wait for a network.
    /// The request lies within the file and is never empty. A reply has exactly ``ReadRequest/size`` bytes.
    func read(_ request: ReadRequest)

    /// Gives the bytes to `reply`, before this returns, when no network is needed for them: such a read needs no entry among
    /// those that wait, whose lock all readers share.
    /// - Returns: false when ``read(_:)`` is to answer; `reply` was not called then.
    func readNow(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> Bool
}

extension FileReader {
    package func readNow(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> Bool { false }
}
