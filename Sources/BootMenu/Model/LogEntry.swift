/// Something that happened, whole.
package struct LogEntry: Sendable, Hashable {
    /// Seconds since 1970.
    package let time: Int64
    package let text: String
    package let isFailure: Bool

    package init(time: Int64, text: String, isFailure: Bool) {
        self.time = time
        self.text = text
        self.isFailure = isFailure
    }
}
