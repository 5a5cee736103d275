import Linux
import Slirp

/// The work of the network's process: moves frames between QEMU's socket, the filter and libslirp until its session ends. One thread.
final class FrameLoop {
    /// libslirp opens a socket for each of the guest's flows: more than these would use up the memory that this process may have.
    static let socketLimit = 512
    /// More than these for logins at the host: a guest that has used up its flows, of which datagrams' stay for minutes, is not without them.
    static let loginReserve = 64

    private let addresses: LocalAddresses
    private let stack: SlirpStack
    private let peer: FramePeer
    private let control: MessageSocket
    private let resolver: FileHandle?
    private let ports: GuestPorts
    private let slots: PortSlots
    private let isGuestServed: Bool
    private var filter: FrameFilter
    private var flows = FlowRate()
    private var logins = Pace(rate: 16, burst: UInt64(loginReserve))
    private var dropped: [FrameDropReason: Int] = [:]
    private var retry = StreamRetry()
    /// What the session has not been told yet: that this process serves, and the answers to so many questions.
    private var announcement: NetworkReport?
    private var owed = 0

    /// - Parameters:
    ///   - isGuestServed: the host connects to the guest's port 22.
    ///   - resolver: the file that libslirp reads the resolver's address from, when it is this process's own.
    ///   - slots: those of `ports`, through which the stack's frames come to `peer`.
    /// - Throws: ``SystemCallError`` when the host's addresses cannot be read.
    init(
        mode: GuestNetworkMode, isGuestServed: Bool, addresses: LocalAddresses, stack: SlirpStack, peer: FramePeer,
        control: MessageSocket, resolver: FileHandle?, ports: GuestPorts, slots: PortSlots
    ) throws(SystemCallError) {
        self.addresses = addresses
        self.stack = stack
        self.peer = peer
        self.control = control
        self.resolver = resolver
        (self.ports, self.slots, self.isGuestServed) = (ports, slots, isGuestServed)
        filter = FrameFilter(
            policy: FramePolicy(
                mode: mode, hostAddresses: try addresses.read(), neighbourhoods: try addresses.neighbourhoods(),
                forwardedPorts: isGuestServed ? [VirtualNetwork.sshPort] : []))
    }

    /// Returns when the session closes its end.
    /// - Parameter missing: what this process could not give up, for the session to hear.
    func run(missing: [String]) {
        announcement = .ready(missing: missing)
        answer()
        // The connection to QEMU may be there already.
        guard obey() else { return }
        while true {
            let stream = peer.stream
            var sources = [
                PollSource(control.descriptor), PollSource(addresses.descriptor),
                PollSource(
                    stream?.descriptor,
                    stream?.lacksMemory == true
                        ? []
                        : (stream?.awaitsRest == true ? [] : PollSource.Events.readable)
                            .union(stream?.wantsToWrite == true ? .writable : [])),
            ]
            sources += ports.sources(at: MonotonicClock.nanoseconds)
            do throws(SlirpError) {
                try stack.wait(for: &sources, milliseconds: longestSleep)
            } catch {
                MonotonicClock.pause(milliseconds: 100)
            }
            flows.opened = 0
            if sources[0].hasNews && !obey() { return }
            answer()
            peer.repeatOpenings(at: MonotonicClock.nanoseconds)
            refreshAddresses(haveChanged: sources[1].hasNews)
            // Each takes its turn beside the guest's own frames.
            ports.serve(sources[3...], at: MonotonicClock.nanoseconds)
            guard let stream, stream === peer.stream else { continue }
            let now = MonotonicClock.nanoseconds
            let isReadable =
                !sources[2].found.subtracting(.writable).isEmpty || stream.mustBeTried && retry.isDue(at: now)
            // Without memory nothing is sent either.
            guard isReadable || !stream.lacksMemory else { continue }
            serve(readable: isReadable)
            if isReadable { retry.tried(isOver: peer.stream?.mustBeTried != true, at: now) }
        }
    }

    private var longestSleep: UInt32? {
        guard let held = ports.longestSleep(at: MonotonicClock.nanoseconds) else { return longestSleepOfGuest }
        return min(held, longestSleepOfGuest ?? held)
    }

    private var longestSleepOfGuest: UInt32? {
        // QEMU writes the rest of a frame at once, as a rule; who does not must not keep this process busy.
        let rest = peer.stream?.mustBeTried == true ? retry.sleep(at: MonotonicClock.nanoseconds) : nil
        let other: UInt32? =
            announcement != nil || owed > 0 ? 100 : filter.policy.hostAddresses == nil || peer.hasOpenings ? 500 : nil
        guard let rest, let other else { return rest ?? other }
        return min(rest, other)
    }

    /// Tells the session what it waits for. For want of memory or room it may not go out: it is sent again, for the session ends a process
    /// that does not answer.
    private func answer() {
        if let announcement, !control.send(announcement.bytes) { return }
        announcement = nil
        while owed > 0, control.send(NetworkReport.counts(dropped).bytes) { owed -= 1 }
    }

    /// Carries out what the session says.
    /// - Returns: false when it is gone.
    private func obey() -> Bool {
        while true {
            switch control.receive() {
            case .nothingYet: return true
            case .end: return false
            case .message(let bytes, let descriptor):
                switch NetworkOrder(bytes) {
                case .resolver(let text): setResolver(text)
                case .peer: if let descriptor { peer.stream = FrameStream(handle: descriptor) }
                case .count: owed += 1
                case .publish(let number, let transport, let guestPort):
                    if let descriptor { ports.open(number, transport, descriptor, to: guestPort) }
                    learnPorts()
                case .withdraw(let number):
                    ports.close(number)
                    learnPorts()
                case nil: break
                }
            }
        }
    }

    /// The filter lets through what comes from published ports.
    private func learnPorts() {
        filter.policy.forwardedPorts = ports.tcpPorts.union(isGuestServed ? [VirtualNetwork.sshPort] : [])
        filter.policy.publishedDatagrams = ports.udpPorts
    }

    /// Where names are asked for from now on.
    /// - Parameter text: as in resolv.conf(5).
    func setResolver(_ text: String) {
        guard let resolver else { return }
        do throws(SystemCallError) {
            try resolver.truncate(to: 0)
            try resolver.seekToStart()
            try Array(text.utf8).withUnsafeBufferPointer { bytes throws(SystemCallError) in
                try resolver.write(UnsafeRawBufferPointer(bytes))
            }
        } catch {
            StandardError.write("the resolver's address cannot be noted: \(error)\n")
        }
    }

    /// Before any frame is judged, so that a new address of the host is known by then.
    private func refreshAddresses(haveChanged: Bool) {
        let changed = haveChanged && addresses.changed()
        guard changed || filter.policy.hostAddresses == nil else { return }
        do throws(SystemCallError) {
            filter.policy.neighbourhoods = try addresses.neighbourhoods()
            filter.policy.hostAddresses = try addresses.read()
        } catch {
            if filter.policy.hostAddresses != nil {
                StandardError.write(
                    "the host's addresses cannot be read; the guest reaches nothing outside until then: \(error)\n")
            }
            filter.policy.hostAddresses = nil
        }
    }

    private func serve(readable: Bool) {
        guard let stream = peer.stream else { return }
        var alive = true
        if readable { alive = stream.read { judge($0) } }
        if alive { alive = stream.flush() }
        if !alive {
            // The session sees it, too, and brings the next one.
            stream.end()
            peer.stream = nil
        }
    }

    private func judge(_ frame: UnsafeRawBufferPointer) {
        switch filter.verdict(on: frame) {
        case .allow(let opensFlow):
            peer.hear(frame)
            guard opensFlow else {
                guard let changed = slots.forStack(frame) else { return stack.input(frame) }
                return changed.withUnsafeBytes { stack.input($0) }
            }
            if let reason = reasonAgainst(flowOf: frame, at: MonotonicClock.nanoseconds) {
                drop(reason)
            } else {
                stack.input(frame)
            }
        case .answersDatagram:
            peer.hear(frame)
            ports.answer(frame, at: MonotonicClock.nanoseconds)
        case .drop(let reason):
            drop(reason)
        }
    }

    /// - Parameter frame: opens a flow, or goes on with one of datagrams.
    /// - Returns: why it may not; nil if it may.
    private func reasonAgainst(flowOf frame: UnsafeRawBufferPointer, at now: UInt64) -> FrameDropReason? {
        // Behind Ethernet and IPv4, which the filter has checked: 17 is UDP, 6 is TCP.
        let port = frame[23] == 17 ? frame.uint16(34) : nil
        if let port, flows.goesOn(port, at: now) { return nil }
        // Those at published ports have bounds of their own.
        let count = max(0, stack.socketCount - ports.socketCount) + flows.opened
        if frame[23] == 6, frame.address(30) == VirtualNetwork.gateway, frame.uint16(36) == VirtualNetwork.sshPort {
            guard count < Self.socketLimit + Self.loginReserve else { return .tooManyFlows }
            guard logins.allows(now) else { return .tooManyNewFlows }
            logins.take(now)
            return nil
        }
        guard count < Self.socketLimit else { return .tooManyFlows }
        return flows.allows(datagramsFrom: port, at: now) ? nil : .tooManyNewFlows
    }

    private func drop(_ reason: FrameDropReason) { dropped[reason, default: 0] += 1 }
}

/// When a stream is tried again that poll cannot speak for: after twice as long each time, up to a tenth of a second. What else wakes this
/// process up is no try.
struct StreamRetry {
    private static let pauses: (first: UInt64, longest: UInt64) = (1_000_000, 100_000_000)
    private var pause = Self.pauses.first
    private var due: UInt64 = 0

    /// - Parameter now: nanoseconds.
    func isDue(at now: UInt64) -> Bool { now >= due }

    /// Milliseconds until then, at least one.
    func sleep(at now: UInt64) -> UInt32 { UInt32(clamping: max((max(due, now) - now + 999_999) / 1_000_000, 1)) }

    /// - Parameter isOver: poll speaks for it again.
    mutating func tried(isOver: Bool, at now: UInt64) {
        guard !isOver else { return self = StreamRetry() }
        due = now + pause
        pause = min(pause * 2, Self.pauses.longest)
    }
}
