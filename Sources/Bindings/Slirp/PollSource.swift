/// A descriptor of the caller's that ``SlirpStack/wait(for:milliseconds:)`` watches besides libslirp's own.
package struct PollSource: Sendable {
    package let descriptor: Int32
    /// `POLLIN`, `POLLOUT`.
    package let events: Int16
    /// What poll found; 0 when nothing happened.
    package var found: Int16 = 0

    package init(descriptor: Int32, events: Int16) {
        self.descriptor = descriptor
        self.events = events
    }
}
