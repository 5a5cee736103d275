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
    /// - Throws: ``SystemCallError`` when the host's addresses cannot be read.
    init(
        mode: GuestNetworkMode, isGuestServed: Bool, addresses: LocalAddresses, stack: SlirpStack, peer: FramePeer,
        control: MessageSocket, resolver: FileHandle?
    ) throws(SystemCallError) {
        self.addresses = addresses
        self.stack = stack
        self.peer = peer
        self.control = control
        self.resolver = resolver
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
                case nil: break
                }
            }
        }
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
            guard opensFlow else { return stack.input(frame) }
            if let reason = reasonAgainst(flowOf: frame, at: MonotonicClock.nanoseconds) {
                drop(reason)
            } else {
                stack.input(frame)
            }
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
        let count = stack.socketCount + flows.opened
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

/// The connection that libslirp's frames go to; none while there is no QEMU.
///
/// libslirp believes whatever hardware address it heard last for the guest's, asks no more, and repeats the first segment of a connection
/// after six seconds only. A login of the host's must depend on neither: the guest is asked where it is with each first segment, which is
/// sent again, to where the guest says, until it answers.
final class FramePeer {
    var stream: FrameStream? {
        // Who comes now has heard of none of them.
        didSet { for index in openings.indices { openings[index].due = 0 } }
    }
    private var openings: [Opening] = []

    private struct Opening {
        var frame: [UInt8]
        /// Of the host's side.
        let port: UInt16
        var due: UInt64
        var tries = 4
    }

    private static let interval: UInt64 = 1_000_000_000
    /// More than these at once are left to libslirp.
    private static let limit = 8

    var hasOpenings: Bool { !openings.isEmpty }

    /// Sends a frame of libslirp's to the guest.
    func deliver(_ frame: UnsafeRawBufferPointer) {
        if Self.opensConnection(frame) {
            let port = frame.uint16(34)
            if openings.count < Self.limit, !openings.contains(where: { $0.port == port }) {
                openings.append(
                    Opening(frame: Array(frame), port: port, due: MonotonicClock.nanoseconds + Self.interval))
            }
            Self.question(like: frame).withUnsafeBytes { stream?.write($0) }
        }
        stream?.write(frame)
    }

    /// Sends those again that the guest has not answered.
    func repeatOpenings(at now: UInt64) {
        for index in openings.indices where openings[index].due <= now {
            openings[index].due = now + Self.interval
            openings[index].tries -= 1
            openings[index].frame.withUnsafeBytes { frame in
                Self.question(like: frame).withUnsafeBytes { stream?.write($0) }
                stream?.write(frame)
            }
        }
        openings.removeAll { $0.tries == 0 }
    }

    /// Looks at a frame of the guest's that the filter has let through.
    func hear(_ frame: UnsafeRawBufferPointer) {
        guard !openings.isEmpty else { return }
        if frame.uint16(12) == 0x0806 {
            // Its own address is there, says the filter.
            let hardware = frame[6..<12]
            for index in openings.indices where !openings[index].frame[..<6].elementsEqual(hardware) {
                openings[index].frame.replaceSubrange(..<6, with: hardware)
                openings[index].frame.withUnsafeBytes { stream?.write($0) }
            }
        } else if frame[23] == 6, frame[47] & 0x06 != 0 {
            // A connection that is accepted or refused.
            openings.removeAll { $0.port == frame.uint16(36) }
        }
    }

    /// The first segment of a TCP connection.
    private static func opensConnection(_ frame: UnsafeRawBufferPointer) -> Bool {
        guard frame.count >= 54, frame.uint16(12) == 0x0800, frame[14] == 0x45, frame[23] == 6 else { return false }
        return frame[47] & 0x12 == 0x02
    }

    /// ARP: who has the address that this frame goes to? Asked by its sender.
    private static func question(like frame: UnsafeRawBufferPointer) -> [UInt8] {
        let hardware = Array(frame[6..<12])
        let fixed: [UInt8] = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]
        return [UInt8](repeating: 0xFF, count: 6) + hardware + fixed + hardware + frame[26..<30]
            + [UInt8](repeating: 0, count: 6) + frame[30..<34]
    }
}
