import Linux
import Logging
import Synchronization

/// The network of one guest: a process of its own with libslirp in it, behind a unix socket for QEMU's `-netdev stream`.
///
/// QEMU sends the guest's Ethernet frames over the socket (``FrameStream``). ``FrameFilter`` judges each of them by the mode and the
/// host's addresses of now; what it allows goes to libslirp, which opens the host's sockets for it and gives the answers back. The guest
/// finds 10.0.2.0/24 with the ssh gateway at 10.0.2.2 (``SSHGateway``) and, by mode, names and the world; nothing else of the host.
/// All of that happens in ``NetworkProcess``; this side starts it, again when it dies, and hands it its sockets (``NetworkKeeper``). It
/// listens from init on: a QEMU that starts earlier stays without a network.
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
        /// Whom the process runs as in root's session; nil for ``SandboxUser/current()``. Owns what it connects to.
        package var user: SandboxUser?
        /// The program that has `run-network`: this one, also when it was replaced meanwhile.
        package var program = "/proc/self/exe"
        /// Called with the id of each process before it does anything, on a thread of the network's: to set its bounds.
        package var willRun: @Sendable (ProcessID) -> Void = { _ in }
        /// Nanoseconds: so often a process that serves a guest is asked whether it is alive, at most, and so long it may take to answer.
        /// A machine that is short of memory may take seconds for anything.
        var patience: UInt64 = 30_000_000_000

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

    /// What happens to the network while the guest runs.
    package enum Event: Sendable, Equatable {
        /// Its process died, and is started again; the text says why.
        case lost(String)
        /// It serves again: connections of before are gone, new ones are possible.
        case back
        /// QEMU's connection ended: with the guest, or alone; QEMU does not make another one then.
        case unplugged
        /// Another guest's QEMU has connected since.
        case replugged
        /// Once: the process can reach more of the user's machine than it should, if it is broken; the text says why and what to do.
        case exposed(String)
    }

    /// From init to ``close()``. One consumer.
    package let events: AsyncStream<Event>
    private let stop: EventDescriptor
    private let ended: EventDescriptor
    private let count: EventDescriptor
    private let counts: Monitor<DropCounts>
    let book: PortBook

    /// Starts to listen, and the process; returns when that serves.
    ///
    /// Takes some ten milliseconds. The process sees the network namespace of the caller's thread.
    /// - Throws: ``GuestNetworkError``; nothing is left then.
    package init(
        _ configuration: Configuration, logger: Logger = Logger(label: "oscircular.network")
    ) throws(GuestNetworkError) {
        let started: EventDescriptor
        do throws(SystemCallError) {
            stop = try EventDescriptor()
            ended = try EventDescriptor()
            count = try EventDescriptor()
            started = try EventDescriptor()
            book = try PortBook()
            // libslirp would cut a long path silently.
            try UnixListener.withAddress(configuration.sshSocketPath) { _, _ in }
        } catch {
            throw GuestNetworkError(error)
        }
        let (events, continuation) = AsyncStream<Event>.makeStream()
        self.events = events
        counts = Monitor(DropCounts())
        let failure = Failure()
        let body: @Sendable () -> Void = { [stop, ended, count, counts, book] in
            defer {
                continuation.finish()
                ended.signal()
            }
            do throws(GuestNetworkError) {
                let keeper = try NetworkKeeper(
                    configuration, stop: stop, count: count, counts: counts, book: book, events: continuation,
                    logger: logger)
                started.signal()
                keeper.run()
            } catch {
                failure.value.withLock { $0 = error }
                started.signal()
            }
        }
        do throws(GuestNetworkError) {
            try GuestNetwork.start("guest-network", body)
        } catch {
            // Else `deinit` would wait for a thread that there never was.
            ended.signal()
            throw error
        }
        started.wait()
        if let error = failure.value.withLock({ $0 }) { throw error }
    }

    /// A thread of the network's own. It handles no signals.
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

    /// Ends the process and with it every connection, and removes the sockets. Takes milliseconds; may be called again.
    package func close() {
        stop.signal()
        ended.wait()
        book.close()
    }

    /// Frames of the guest that went no further, by reason, since the process was started. Waits for its answer, a second at most.
    package var dropped: [FrameDropReason: Int] {
        let before = counts.change { $0.answers }
        count.signal()
        let end = MonotonicClock.nanoseconds + 1_000_000_000
        return counts.wait(until: { _ in end }) { $0.answers > before ? $0.dropped : nil } ?? [:]
    }

    /// What the process said last.
    struct DropCounts {
        var answers = 0
        var dropped: [FrameDropReason: Int] = [:]
    }

    /// What the new thread tells the one that starts it.
    private final class Failure: Sendable {
        let value = Mutex<GuestNetworkError?>(nil)
    }
}

/// How much of the world the guest reaches (`--network`). The gateway's ssh at 10.0.2.2 is there in every mode.
package enum GuestNetworkMode: String, Sendable, CaseIterable {
    /// The internet and names, no private network and nothing of this host or of the networks that it is in.
    case user
    /// Also private networks, and those that the host is in.
    case lan
    /// Nothing but ssh.
    case none
}
