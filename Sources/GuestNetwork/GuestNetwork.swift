import Linux
import Logging
import Slirp
import Synchronization

/// The network of one guest: a libslirp stack in this process behind a unix socket for QEMU's `-netdev stream`.
///
/// QEMU sends the guest's Ethernet frames over the socket (``FrameStream``). ``FrameFilter`` judges each of them by the mode and the
/// host's addresses of now; what it allows goes to libslirp, which opens the host's sockets for it and gives the answers back. The guest
/// finds 10.0.2.0/24 with the ssh gateway at 10.0.2.2 (``SSHGateway``) and, by mode, names and the world; nothing else of the host.
/// It listens from init on: a QEMU that starts earlier stays without a network. One thread does all of it (``FrameLoop``).
package final class GuestNetwork: Sendable {
    /// Where the sockets are and who may use them.
    package struct Configuration: Sendable {
        package var mode: GuestNetworkMode
        /// Made here: QEMU connects to it.
        package var socketPath: String
        /// Connected to for each connection of the guest to 10.0.2.2:22; ``SSHGateway`` listens there.
        package var sshSocketPath: String
        /// Made here when set, 0600: connections go to the guest's port 22.
        package var guestSSHSocketPath: String?
        /// Owns `socketPath` (0600) when set: the uid that QEMU runs as. Its folder must let that uid pass.
        package var socketOwner: UserID?

        package init(
            mode: GuestNetworkMode, socketPath: String, sshSocketPath: String, guestSSHSocketPath: String? = nil,
            socketOwner: UserID? = nil
        ) {
            self.mode = mode
            self.socketPath = socketPath
            self.sshSocketPath = sshSocketPath
            self.guestSSHSocketPath = guestSSHSocketPath
            self.socketOwner = socketOwner
        }
    }

    private let stop: EventDescriptor
    private let ended: EventDescriptor
    private let counters: FrameCounters

    /// Starts to listen.
    ///
    /// Takes milliseconds. The thread sees the network namespace of the caller's thread.
    /// - Throws: ``GuestNetworkError``; nothing is left then.
    package init(
        _ configuration: Configuration, logger: Logger = Logger(label: "oscircular.network")
    ) throws(GuestNetworkError) {
        let started: EventDescriptor
        do throws(SystemCallError) {
            stop = try EventDescriptor()
            ended = try EventDescriptor()
            started = try EventDescriptor()
        } catch {
            throw GuestNetworkError(error)
        }
        counters = FrameCounters()
        let failure = Failure()
        try GuestNetwork.start("guest-network") { [stop, ended, counters] in
            defer { ended.signal() }
            do throws(GuestNetworkError) {
                let loop = try FrameLoop(configuration, counters: counters, stop: stop, logger: logger)
                started.signal()
                loop.run()
            } catch {
                failure.value.withLock { $0 = error }
                started.signal()
            }
        }
        started.wait()
        if let error = failure.value.withLock({ $0 }) { throw error }
    }

    /// A thread of the network's own. It handles no signals: libslirp sends without MSG_NOSIGNAL.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(GuestNetworkError) {
        do throws(SystemCallError) {
            try WorkerThread.start(name: name) {
                Signal.blockAll()
                body()
            }
        } catch {
            throw GuestNetworkError(error)
        }
    }

    deinit { close() }

    /// Ends the thread and every connection and removes the sockets. Takes milliseconds; may be called again.
    package func close() {
        stop.signal()
        ended.wait()
    }

    /// Frames of the guest that went no further, by reason.
    package var dropped: [FrameDropReason: Int] { counters.dropped }

    /// What the new thread tells the one that starts it.
    private final class Failure: Sendable {
        let value = Mutex<GuestNetworkError?>(nil)
    }
}

/// How much of the world the guest reaches (`--network`). The gateway's ssh at 10.0.2.2 is there in every mode.
package enum GuestNetworkMode: String, Sendable, CaseIterable {
    /// The internet and names, no private network and nothing of this host.
    case user
    /// Also private networks.
    case lan
    /// Nothing but ssh.
    case none
}
