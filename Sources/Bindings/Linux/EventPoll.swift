import CLinux
import Glibc

/// An epoll set, edge-triggered: waiting costs the same however many descriptors there are.
///
/// One thread uses it.
package final class EventPoll {
    /// What happened to one descriptor since the last look.
    package struct Event {
        /// As given to ``add(_:key:)``.
        package let key: UInt64
        /// There is something to read, an end or an error.
        package let isReadable: Bool
        /// There is room to write, or an error.
        package let isWritable: Bool
    }

    private static let capacity = 128
    private let handle: FileHandle
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)

    /// - Throws: ``SystemCallError`` of `epoll_create1`.
    package init() throws(SystemCallError) {
        handle = FileHandle(owning: try systemCall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    deinit { events.deallocate() }

    /// Watches a descriptor from now on; closing it ends that.
    /// - Parameter key: comes back in its events.
    /// - Throws: ``SystemCallError`` of `epoll_ctl`.
    package func add(_ descriptor: Int32, key: UInt64) throws(SystemCallError) {
        let wanted = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        try systemCall("epoll_ctl") { osc_epoll_add(handle.descriptor, descriptor, wanted, key) }
    }

    /// Holds the calling thread until something happens or the time is over.
    /// - Parameter nanoseconds: the longest wait; nil for no end.
    package func wait(nanoseconds: UInt64?) -> [Event] {
        let limit = nanoseconds.map { Int64(clamping: $0) } ?? -1
        let count = osc_epoll_wait(handle.descriptor, events, Int32(EventPoll.capacity), limit)
        guard count > 0 else { return [] }
        let broken = EPOLLERR.rawValue | EPOLLHUP.rawValue
        return (0..<count).map { index in
            let bits = osc_epoll_events(events, index)
            return Event(
                key: osc_epoll_key(events, index),
                isReadable: bits & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | broken) != 0,
                isWritable: bits & (EPOLLOUT.rawValue | broken) != 0)
        }
    }
}
