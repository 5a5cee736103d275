import Glibc

/// A descriptor that a thread waits for, together with others.
package struct PollSource: Sendable {
    /// What can happen to a descriptor; the bits of `poll`.
    package struct Events: OptionSet, Sendable {
        package let rawValue: Int16

        package init(rawValue: Int16) { self.rawValue = rawValue }

        package static let readable = Events(rawValue: Int16(POLLIN))
        package static let writable = Events(rawValue: Int16(POLLOUT))
        /// The other end is gone. Found without being asked for, as `failed` is.
        package static let hungUp = Events(rawValue: Int16(POLLHUP))
        package static let failed = Events(rawValue: Int16(POLLERR))
    }

    fileprivate var item: pollfd

    /// - Parameter descriptor: nil for one that is left out this time; nothing is found of it.
    package init(_ descriptor: Int32?, _ wanted: Events = .readable) {
        item = pollfd(fd: descriptor ?? -1, events: wanted.rawValue, revents: 0)
    }

    package var descriptor: Int32 { item.fd }
    package var wanted: Events { Events(rawValue: item.events) }

    /// What the last wait found; empty when nothing happened.
    package internal(set) var found: Events {
        get { Events(rawValue: item.revents) }
        set { item.revents = newValue.rawValue }
    }

    /// For who drives `poll` itself, as libslirp's owner does.
    package mutating func setFound(_ events: Int16) { found = Events(rawValue: events) }

    package var hasNews: Bool { item.revents != 0 }

    /// A read would not wait: there are bytes, the end, or an error.
    package var isReadable: Bool { !found.isDisjoint(with: [.readable, .hungUp, .failed]) }

    /// Holds the calling thread until something happens to one of them, or the time is over.
    /// - Parameter milliseconds: the longest wait; negative for no end.
    /// - Returns: false when nothing happened in time.
    /// - Throws: ``SystemCallError`` of `poll`.
    @discardableResult
    package static func wait(
        for sources: inout [PollSource], milliseconds: Int32 = -1
    ) throws(SystemCallError) -> Bool {
        let end = milliseconds < 0 ? nil : MonotonicClock.nanoseconds + UInt64(milliseconds) * 1_000_000
        var rest = milliseconds
        while true {
            let count = sources.withUnsafeMutableBytes { bytes in
                poll(bytes.assumingMemoryBound(to: pollfd.self).baseAddress, nfds_t(bytes.count / size), rest)
            }
            if count >= 0 { return count > 0 }
            if errno != EINTR { throw SystemCallError.last("poll") }
            // A signal ends a wait early; the end stays the same.
            if let end {
                let now = MonotonicClock.nanoseconds
                rest = now >= end ? 0 : Int32(clamping: (end - now + 999_999) / 1_000_000)
            }
        }
    }

    /// A source is a `pollfd` and nothing else.
    private static let size = MemoryLayout<PollSource>.stride
}
