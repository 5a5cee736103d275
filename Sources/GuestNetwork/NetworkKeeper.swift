import Linux
import Logging

/// The session's side of the network: holds the connection to QEMU and the listening sockets, and a process that works with them, which it
/// starts again when it dies. Reads no frame. One thread.
final class NetworkKeeper {
    /// A process has this long to confine itself and say so.
    private static let startLimit: UInt64 = 20_000_000_000
    /// A process that lived so long is started again at once; else the pause doubles, up to the longest.
    private static let goodLife: UInt64 = 10_000_000_000
    private static let pauses: (first: UInt64, longest: UInt64) = (100_000_000, 10_000_000_000)
    private let configuration: GuestNetwork.Configuration
    private let user: SandboxUser?
    private let stop: EventDescriptor
    private let count: EventDescriptor
    private let counts: Monitor<GuestNetwork.DropCounts>
    private let book: PortBook
    private let events: AsyncStream<GuestNetwork.Event>.Continuation
    private let logger: Logger
    private let listener: UnixListener
    private let guestListener: UnixListener?
    private let resolver = ResolverFile()
    /// The connection to QEMU.
    private var qemu: FileHandle?
    private var hasBeenLeft = false
    private var running: RunningNetwork?
    /// What that knows of the published ports, and whether it is all.
    private var toldPorts = ToldPorts()
    private var knowsPorts = true
    private var pause: UInt64 = 0
    private var nextStart: UInt64 = 0
    private var saidMissing = false

    /// Listens, and starts the process; returns when it serves.
    /// - Throws: ``GuestNetworkError``.
    init(
        _ configuration: GuestNetwork.Configuration, stop: EventDescriptor, count: EventDescriptor,
        counts: Monitor<GuestNetwork.DropCounts>, book: PortBook,
        events: AsyncStream<GuestNetwork.Event>.Continuation, logger: Logger
    ) throws(GuestNetworkError) {
        self.configuration = configuration
        self.stop = stop
        self.count = count
        self.counts = counts
        self.book = book
        self.events = events
        self.logger = logger
        if let given = configuration.user {
            user = given
        } else {
            user = CurrentUser.isRoot ? try SandboxUser.current() : nil
        }
        do throws(SystemCallError) {
            listener = try UnixListener(path: configuration.socketPath, owner: configuration.socketOwner)
            guestListener = try configuration.guestSSHSocketPath.map { path throws(SystemCallError) in
                try UnixListener(path: path)
            }
            running = try start()
        } catch {
            throw GuestNetworkError(error)
        }
        while let process = running, !process.isReady {
            if !step() { throw .processFailed("the session is being ended") }
            if running == nil { throw .processFailed(process.lastWords) }
        }
    }

    /// Returns when `stop` is signalled; then the process is gone.
    func run() { while step() {} }

    deinit { running?.end() }

    private func start() throws(SystemCallError) -> RunningNetwork {
        let process = try RunningNetwork(configuration, user: user, listener: guestListener?.descriptor)
        configuration.willRun(process.id)
        process.tell(.resolver(resolver.text))
        // It waits with the rest: libslirp must not take the host's connections before there is a guest to ask.
        if let qemu { process.tell(.peer, qemu) }
        (toldPorts, knowsPorts) = (ToldPorts(), false)
        return process
    }

    /// One wait and what follows from it.
    /// - Returns: false when it is time to end.
    private func step() -> Bool {
        var sources = [
            PollSource(stop.descriptor), PollSource(count.descriptor),
            // A peer that has left shows without being asked for.
            qemu.map { PollSource($0.descriptor, []) } ?? PollSource(listener.descriptor),
            PollSource(running?.endDescriptor), PollSource(running?.reportDescriptor),
            PollSource(running?.errorDescriptor), PollSource(book.news.descriptor), PollSource(resolver.descriptor),
        ]
        let now = MonotonicClock.nanoseconds
        do throws(SystemCallError) {
            try PollSource.wait(
                for: &sources, milliseconds: Int32(clamping: (nextMoment - min(now, nextMoment)) / 1_000_000 + 1))
        } catch {
            // Out of memory for the moment.
            MonotonicClock.pause(milliseconds: 100)
            return true
        }
        if sources[0].hasNews { return false }
        if sources[1].hasNews {
            count.clear()
            running?.ask(at: MonotonicClock.nanoseconds)
        }
        if sources[6].hasNews {
            book.news.clear()
            knowsPorts = false
        }
        if sources[7].hasNews { resolver.takeNews(at: MonotonicClock.nanoseconds) }
        if sources[2].hasNews { meetPeer() }
        if sources[5].hasNews { running?.readErrors() }
        if sources[4].hasNews { hear() }
        if sources[3].hasNews { running?.isOver = true }
        look()
        return true
    }

    private var nextMoment: UInt64 {
        guard let running else { return nextStart }
        guard running.isReady else { return min(resolver.nextLook, running.began + Self.startLimit) }
        // It reads what it was told in a moment, and has room for the rest then.
        if !knowsPorts { return MonotonicClock.nanoseconds + 20_000_000 }
        return qemu == nil ? resolver.nextLook : min(resolver.nextLook, running.nextPulse)
    }

    /// QEMU comes or goes.
    private func meetPeer() {
        if qemu != nil {
            // The next one may come: the guest's QEMU starts again.
            logger.debug("QEMU left the network")
            (qemu, hasBeenLeft) = (nil, true)
            events.yield(.unplugged)
        } else if let connection = listener.accept(nonblocking: true) {
            logger.debug("QEMU connected to the network")
            qemu = connection
            running?.tell(.peer, connection)
            if hasBeenLeft { events.yield(.replugged) }
        }
    }

    private func hear() {
        for report in running?.reports() ?? [] {
            switch report {
            case .ready(let missing):
                if !missing.isEmpty && !saidMissing {
                    saidMissing = true
                    logger.notice("the network's process goes without", metadata: ["what": "\(missing)"])
                    if missing.contains(where: { $0.hasPrefix(NetworkConfinement.namespaces) }) {
                        events.yield(.exposed(NetworkConfinement.exposure { Self.setting($0) }))
                    }
                }
                if missing.contains(NetworkConfinement.entranceName) { book.loseEntrance() }
                if nextStart > 0 { events.yield(.back) }
            case .counts(let dropped):
                counts.change {
                    $0.dropped = dropped
                    $0.answers += 1
                }
            }
        }
    }

    private static func setting(_ name: String) -> String? {
        // Most machines lack some of them.
        try? FileContents.readText("/proc/sys/\(name)", limit: 64)
    }

    /// Ends a process that is of no use, starts the next one, passes on a new resolver.
    private func look() {
        let now = MonotonicClock.nanoseconds
        if let process = running {
            let isLate = !process.isReady && now > process.began + Self.startLimit
            if process.isOver || isLate {
                process.end()
                running = nil
                let livedLong = process.isReady && now > process.began + Self.goodLife
                pause = livedLong ? 0 : min(max(pause * 2, Self.pauses.first), Self.pauses.longest)
                nextStart = now + pause
                logger.warning("the network's process ended", metadata: ["why": "\(process.lastWords)"])
                if process.isReady { events.yield(.lost(process.lastWords)) }
            } else {
                // Also to one that is being started: it hears of it then.
                if resolver.hasChanged(at: now) { process.tell(.resolver(resolver.text)) }
                if qemu != nil { process.checkPulse(at: now) }
                if process.isReady, !knowsPorts {
                    knowsPorts = toldPorts.tell(book.entries) { process.offer($0, $1) }
                }
            }
        } else if now >= nextStart {
            do throws(SystemCallError) {
                running = try start()
            } catch {
                pause = min(max(pause * 2, Self.pauses.first), Self.pauses.longest)
                nextStart = now + pause
                logger.error("the network's process cannot be started", metadata: ["error": "\(error)"])
            }
        }
    }
}
