/// Gives the bytes of the one file that a ``SingleFileSession`` serves.
package protocol FileReader: Sendable {
    /// Answers a read by `reply`, before this returns, when no network is needed for it: such a read needs no entry among those
    /// that wait, whose lock all readers share. Otherwise it has begun, and goes on with what this returns.
    ///
    /// Called on one of the session's threads. It may read a local file there; it must not wait for a network.
    /// The read lies within the file and is never empty. A reply has exactly `size` bytes.
    /// - Returns: nil when `reply` was called. Else what is called once, on the same thread and under the same rules, with the
    ///   request to answer now or later, from any thread; or not at all when the session has ended.
    func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer?
}

/// The rest of a read that could not be answered at once.
package typealias LateAnswer = (ReadRequest) -> Void
