import Linux
import Logging
import Slirp
import Synchronization

/// The network's thread: moves frames between QEMU's socket, the filter and libslirp until told to stop.
final class FrameLoop {
    /// libslirp opens a socket for each of the guest's flows; more than these would starve the files that this process
    /// serves the guest's disk from.
    static let socketLimit = 512

    private let listener: UnixListener
    private let addresses: LocalAddresses
    private let stack: SlirpStack
    private let peer: Peer
    private let counters: FrameCounters
    private let stop: EventDescriptor
    private let logger: Logger
    private let guestSSHSocketPath: String?
    private var filter: FrameFilter

    /// The connection that libslirp's callback writes to.
    private final class Peer {
        var stream: FrameStream?
    }

    init(
        _ configuration: GuestNetwork.Configuration, counters: FrameCounters, stop: EventDescriptor, logger: Logger
    ) throws(GuestNetworkError) {
        self.counters = counters
        self.stop = stop
        self.logger = logger
        guestSSHSocketPath = configuration.guestSSHSocketPath
        let peer = Peer()
        self.peer = peer
        filter = FrameFilter(
            policy: FramePolicy(
                mode: configuration.mode, hostAddresses: nil,
                forwardedPorts: configuration.guestSSHSocketPath == nil ? [] : [VirtualNetwork.sshPort]))
        do throws(SystemCallError) {
            // Listen for changes first, then read: nothing falls between.
            addresses = try LocalAddresses()
            filter.policy.hostAddresses = try addresses.read()
            listener = try UnixListener(path: configuration.socketPath, owner: configuration.socketOwner)
            // libslirp would cut a long path silently.
            try UnixListener.withAddress(configuration.sshSocketPath) { _, _ in }
        } catch {
            throw GuestNetworkError(error)
        }
        do throws(SlirpError) {
            stack = try SlirpStack(
                SlirpConfiguration(
                    network: VirtualNetwork.network, host: VirtualNetwork.router, firstLease: VirtualNetwork.guest,
                    nameserver: VirtualNetwork.nameserver, restricted: configuration.mode == .none,
                    guestName: "guest"),
                deliver: { peer.stream?.write($0) },
                complain: { text in logger.debug("libslirp about the guest", metadata: ["text": "\(text)"]) })
            try stack.forwardGuest(
                VirtualNetwork.gateway, port: VirtualNetwork.sshPort, to: configuration.sshSocketPath)
            if let path = configuration.guestSSHSocketPath {
                try stack.forwardHost(from: path, to: VirtualNetwork.guest, port: VirtualNetwork.sshPort)
            }
        } catch {
            if case .hostForward(let path, let cause) = error, cause.number == .nameTooLong { throw .pathTooLong(path) }
            throw .slirp(error)
        }
    }

    deinit {
        if let guestSSHSocketPath { UnixListener.removeSocket(guestSSHSocketPath) }
    }

    /// Returns when `stop` is signalled.
    func run() {
        while true {
            var sources = [
                PollSource(stop.descriptor), PollSource(addresses.descriptor),
                peer.stream.map { PollSource($0.descriptor, $0.wantsToWrite ? [.readable, .writable] : .readable) }
                    ?? PollSource(listener.descriptor),
            ]
            do throws(SlirpError) {
                try stack.wait(for: &sources, milliseconds: filter.policy.hostAddresses == nil ? 1000 : nil)
            } catch {
                logger.error("guest network: poll failed", metadata: ["error": "\(error)"])
                MonotonicClock.pause(milliseconds: 100)
            }
            if sources[0].hasNews { return }
            refreshAddresses(haveChanged: sources[1].hasNews)
            if peer.stream == nil {
                if sources[2].hasNews { acceptPeer() }
            } else {
                serve(readable: !sources[2].found.subtracting(.writable).isEmpty)
            }
        }
    }

    /// Before any frame is judged, so that a new address of the host is known by then.
    private func refreshAddresses(haveChanged: Bool) {
        let changed = haveChanged && addresses.changed()
        guard changed || filter.policy.hostAddresses == nil else { return }
        do throws(SystemCallError) {
            filter.policy.hostAddresses = try addresses.read()
        } catch {
            filter.policy.hostAddresses = nil
            logger.warning(
                "the host's addresses cannot be read; the guest reaches nothing outside until then",
                metadata: ["error": "\(error)"])
        }
    }

    private func acceptPeer() {
        guard let handle = listener.accept(nonblocking: true) else { return }
        logger.debug("QEMU connected to the network")
        peer.stream = FrameStream(handle: handle)
    }

    private func serve(readable: Bool) {
        guard let stream = peer.stream else { return }
        var alive = true
        if readable { alive = stream.read { judge($0) } }
        if alive { alive = stream.flush() }
        if !alive {
            // The next one may come: the guest's QEMU starts again.
            logger.debug("QEMU left the network")
            peer.stream = nil
        }
    }

    private func judge(_ frame: UnsafeRawBufferPointer) {
        switch filter.verdict(on: frame) {
        case .allow(let opensFlow):
            if opensFlow && stack.socketCount >= Self.socketLimit {
                drop(.tooManyFlows)
            } else {
                stack.input(frame)
            }
        case .drop(let reason):
            drop(reason)
        }
    }

    private func drop(_ reason: FrameDropReason) {
        if counters.count(reason) {
            logger.debug("dropped a frame of the guest", metadata: ["reason": "\(reason.rawValue)"])
        }
    }
}

/// Counts dropped frames by reason; the network's thread writes, anybody reads.
final class FrameCounters: Sendable {
    private let counts = Mutex<[FrameDropReason: Int]>([:])

    var dropped: [FrameDropReason: Int] { counts.withLock { $0 } }

    /// - Returns: true for the first frame of this reason.
    func count(_ reason: FrameDropReason) -> Bool {
        counts.withLock {
            $0[reason, default: 0] += 1
            return $0[reason] == 1
        }
    }
}
