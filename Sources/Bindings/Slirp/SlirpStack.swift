import CSlirp
import Glibc
import Linux

/// One libslirp network. Not thread-safe and never moved: the thread that made it makes every call, and drives it by
/// calling ``wait(for:milliseconds:)`` in a loop.
package final class SlirpStack {
    private(set) var slirp: OpaquePointer?
    /// libslirp keeps the pointer, so the table has to stay where it is.
    private let callbacks: UnsafeMutablePointer<SlirpCb>
    private let thread = pthread_self()
    var polled: [pollfd] = []
    private var sourceCount = 0
    private var timers: [SlirpTimer] = []
    private let deliver: (UnsafeRawBufferPointer) -> Void
    private let complain: (String) -> Void
    private let patience: UInt64
    private var hasNews = false
    private var lastNews = MonotonicClock.nanoseconds

    /// libslirp wakes up twice a second as long as there is a socket, even one that only listens. When there was no frame and no news of a
    /// socket for so many nanoseconds, nothing waits for that any more: a segment is repeated at least every 64 seconds, and who
    /// is not reached is given up after 75.
    package static let usualPatience: UInt64 = 90_000_000_000
    /// Milliseconds. What is left of connections that were never closed goes a little later.
    private static let longestRest: UInt32 = 30_000

    /// Sockets that libslirp had open at the last ``wait(for:milliseconds:)``.
    package private(set) var socketCount = 0

    /// - Parameters:
    ///   - deliver: gets each Ethernet frame for the guest, valid during the call; may drop it.
    ///   - complain: gets libslirp's texts about a guest that misbehaves.
    ///   - patience: nanoseconds, see ``usualPatience``.
    /// - Throws: ``SlirpError/configuration``.
    package init(
        _ configuration: SlirpConfiguration, patience: UInt64 = SlirpStack.usualPatience,
        deliver: @escaping (UnsafeRawBufferPointer) -> Void, complain: @escaping (String) -> Void
    ) throws(SlirpError) {
        self.deliver = deliver
        self.complain = complain
        self.patience = patience
        callbacks = .allocate(capacity: 1)
        callbacks.initialize(to: makeCallbacks())

        var config = SlirpConfig()
        config.version = 4
        config.restricted = configuration.restricted ? 1 : 0
        config.in_enabled = true
        config.in6_enabled = false
        config.vnetwork = in_addr(configuration.network.address)
        config.vnetmask = in_addr(configuration.network.netmask)
        config.vhost = in_addr(configuration.host)
        config.vdhcp_start = in_addr(configuration.firstLease)
        config.vnameserver = in_addr(configuration.nameserver)
        config.disable_host_loopback = true
        config.disable_dns = configuration.restricted
        config.enable_emu = false
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        slirp = configuration.guestName.withCString { name in
            config.vhostname = name
            return slirp_new(&config, callbacks, opaque)
        }
        if slirp == nil { throw .configuration }
    }

    deinit {
        if let slirp { slirp_cleanup(slirp) }
        callbacks.deallocate()
    }

    /// Connections of the guest to `address:port` become connections to a unix socket of the host, one each.
    /// - Throws: ``SlirpError/guestForward(_:port:)``.
    package func forwardGuest(_ address: IPv4Address, port: UInt16, to socketPath: String) throws(SlirpError) {
        checkThread()
        var target = in_addr(address)
        guard slirp_add_unix(slirp, socketPath, &target, Int32(port)) == 0 else {
            throw .guestForward(address, port: port)
        }
    }

    /// Connections to a listening socket of somebody else's become connections to the guest's `address:port`.
    ///
    /// libslirp listens at names of its own only. So it gets one that the kernel makes up, and the socket behind it is exchanged.
    /// - Parameter listener: the descriptor of a stream socket that does not wait; stays its owner's.
    /// - Returns: libslirp's descriptor of it.
    /// - Throws: ``SlirpError/hostForward(cause:)``.
    @discardableResult
    package func forwardHost(
        from listener: Int32, to address: IPv4Address, port: UInt16
    ) throws(SlirpError) -> Int32 {
        checkThread()
        let others = openSockets()
        var guest = sockaddr_in()
        guest.sin_family = sa_family_t(AF_INET)
        guest.sin_addr = in_addr(address)
        guest.sin_port = port.bigEndian
        var host = sockaddr_un()
        host.sun_family = sa_family_t(AF_UNIX)
        // The family alone: "any name".
        let result = withUnsafePointer(to: &guest) { guest in
            withUnsafePointer(to: &host) { host in
                host.withMemoryRebound(to: sockaddr.self, capacity: 1) { host in
                    guest.withMemoryRebound(to: sockaddr.self, capacity: 1) { guest in
                        slirp_add_hostxfwd(
                            slirp, host, socklen_t(MemoryLayout<sa_family_t>.size), guest,
                            socklen_t(MemoryLayout<sockaddr_in>.size), 0)
                    }
                }
            }
        }
        guard result >= 0 else { throw .hostForward(cause: SystemCallError.last("slirp_add_hostxfwd")) }
        guard let socket = openSockets().subtracting(others).first else {
            throw .hostForward(cause: SystemCallError(.badDescriptor, call: "slirp_pollfds_fill"))
        }
        do throws(SystemCallError) {
            try systemCall("dup2") { dup2(listener, socket) }
        } catch {
            throw .hostForward(cause: error)
        }
        return socket
    }

    /// The sockets that libslirp waits for.
    private func openSockets() -> Set<Int32> {
        fillPolled()
        return Set(polled.map(\.fd))
    }

    /// Asks libslirp which sockets it waits for.
    func fillPolled() {
        polled.removeAll(keepingCapacity: true)
        var timeout = UInt32.max
        slirp_pollfds_fill(slirp, &timeout, addPoll, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Lets libslirp act on what ``polled`` says that was found.
    func servePolled() {
        slirp_pollfds_poll(slirp, 0, getFound, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Gives libslirp one Ethernet frame of the guest.
    package func input(_ frame: UnsafeRawBufferPointer) {
        checkThread()
        guard let base = frame.baseAddress, frame.count <= Int(Int32.max) else { return }
        hasNews = true
        slirp_input(slirp, base.assumingMemoryBound(to: UInt8.self), Int32(frame.count))
    }

    /// Sleeps until one of the sources or of libslirp's sockets is ready or a timer is due, and lets libslirp work.
    /// - Parameter milliseconds: the longest sleep; nil for no limit.
    /// - Throws: ``SlirpError/poll(_:)``.
    package func wait(for sources: inout [PollSource], milliseconds: UInt32? = nil) throws(SlirpError) {
        checkThread()
        polled.removeAll(keepingCapacity: true)
        for source in sources {
            polled.append(pollfd(fd: source.descriptor, events: source.wanted.rawValue, revents: 0))
        }
        sourceCount = sources.count
        let longest = milliseconds ?? UInt32.max
        var timeout = longest
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        slirp_pollfds_fill(slirp, &timeout, addPoll, opaque)
        if isQuiet { timeout = min(longest, Self.longestRest) }
        socketCount = polled.count - sourceCount
        let now = Self.milliseconds
        for timer in timers {
            if let expires = timer.expires { timeout = min(timeout, UInt32(clamping: max(0, expires - now))) }
        }

        let limit = timeout > UInt32(Int32.max) ? -1 : Int32(timeout)
        let count = poll(&polled, nfds_t(polled.count), limit)
        let code = errno
        if count > 0, polled[sourceCount...].contains(where: { $0.revents != 0 }) { hasNews = true }
        slirp_pollfds_poll(slirp, count < 0 ? 1 : 0, getFound, opaque)
        fireTimers()
        for index in sources.indices { sources[index].setFound(count > 0 ? polled[index].revents : 0) }
        if count < 0 && code != EINTR { throw .poll(SystemCallError(code: code, call: "poll")) }
    }

    /// Whether nothing has happened for so long that libslirp need not look after its connections.
    private var isQuiet: Bool {
        let now = MonotonicClock.nanoseconds
        if hasNews { (hasNews, lastNews) = (false, now) }
        return now - lastNews >= patience
    }

    private func fireTimers() {
        let now = Self.milliseconds
        for timer in timers {
            guard let expires = timer.expires, expires <= now else { continue }
            timer.expires = nil
            switch timer.action {
            case .callback(let function, let opaque): function(opaque)
            case .identifier(let identifier, let opaque): slirp_handle_timer(slirp, identifier, opaque)
            }
        }
    }

    private static var milliseconds: Int64 { Int64(MonotonicClock.nanoseconds / 1_000_000) }

    func checkThread() {
        precondition(pthread_equal(thread, pthread_self()) != 0, "libslirp belongs to the thread that made the stack")
    }

    // What the C callbacks call.

    fileprivate func send(_ frame: UnsafeRawBufferPointer) {
        hasNews = true
        deliver(frame)
    }
    fileprivate func guestError(_ text: String) { complain(text) }

    fileprivate func add(_ timer: SlirpTimer) -> UnsafeMutableRawPointer {
        timers.append(timer)
        return Unmanaged.passUnretained(timer).toOpaque()
    }

    fileprivate func remove(_ timer: UnsafeMutableRawPointer) {
        timers.removeAll { Unmanaged.passUnretained($0).toOpaque() == timer }
    }

    fileprivate func addPolled(_ descriptor: Int32, _ wanted: Int32) -> Int32 {
        polled.append(pollfd(fd: descriptor, events: pollEvents(wanted), revents: 0))
        return Int32(polled.count - 1)
    }

    fileprivate func found(_ index: Int32) -> Int32 {
        polled.indices.contains(Int(index)) ? slirpEvents(polled[Int(index)].revents) : 0
    }
}

// The C callbacks: free functions, so that they belong to no actor.

private func stack(_ opaque: UnsafeMutableRawPointer?) -> SlirpStack? {
    opaque.map { Unmanaged<SlirpStack>.fromOpaque($0).takeUnretainedValue() }
}

private func makeCallbacks() -> SlirpCb {
    var callbacks = SlirpCb()
    callbacks.send_packet = { bytes, count, opaque in
        stack(opaque)?.send(UnsafeRawBufferPointer(start: bytes, count: count))
        return count
    }
    callbacks.guest_error = { text, opaque in
        if let text { stack(opaque)?.guestError(String(cString: text)) }
    }
    callbacks.clock_get_ns = { _ in Int64(MonotonicClock.nanoseconds) }
    callbacks.timer_new = { function, functionOpaque, opaque in
        guard let function else { return nil }
        return stack(opaque)?.add(SlirpTimer(action: .callback(function, functionOpaque)))
    }
    callbacks.timer_new_opaque = { identifier, timerOpaque, opaque in
        stack(opaque)?.add(SlirpTimer(action: .identifier(identifier, timerOpaque)))
    }
    callbacks.timer_free = { timer, opaque in
        if let timer { stack(opaque)?.remove(timer) }
    }
    callbacks.timer_mod = { timer, expires, _ in
        if let timer { Unmanaged<SlirpTimer>.fromOpaque(timer).takeUnretainedValue().expires = expires }
    }
    // poll's list is made anew for each sleep, and all calls happen on the thread that polls: nothing to register or wake.
    callbacks.register_poll_fd = { _, _ in }
    callbacks.unregister_poll_fd = { _, _ in }
    callbacks.notify = { _ in }
    callbacks.init_completed = { _, _ in }
    return callbacks
}

private func addPoll(_ descriptor: Int32, _ events: Int32, _ opaque: UnsafeMutableRawPointer?) -> Int32 {
    stack(opaque)?.addPolled(descriptor, events) ?? -1
}

private func getFound(_ index: Int32, _ opaque: UnsafeMutableRawPointer?) -> Int32 {
    stack(opaque)?.found(index) ?? 0
}

private let eventPairs: [(slirp: Int32, poll: Int16)] = [
    (Int32(SLIRP_POLL_IN), Int16(POLLIN)), (Int32(SLIRP_POLL_OUT), Int16(POLLOUT)),
    (Int32(SLIRP_POLL_PRI), Int16(POLLPRI)), (Int32(SLIRP_POLL_ERR), Int16(POLLERR)),
    (Int32(SLIRP_POLL_HUP), Int16(POLLHUP)),
]

private func pollEvents(_ events: Int32) -> Int16 {
    eventPairs.reduce(0) { events & $1.slirp != 0 ? $0 | $1.poll : $0 }
}

private func slirpEvents(_ events: Int16) -> Int32 {
    eventPairs.reduce(0) { events & $1.poll != 0 ? $0 | $1.slirp : $0 }
}

extension in_addr {
    fileprivate init(_ address: IPv4Address) {
        self.init(s_addr: address.value.bigEndian)
    }
}
