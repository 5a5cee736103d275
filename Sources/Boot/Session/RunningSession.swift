import DiskImage
import Formats
import GuestDomain
import GuestNetwork
import ImageMount
import Linux

/// A session whose guest runs: performs what ``SessionLoop`` decides, and brings it the signals of guest, image and user.
struct RunningSession: Sendable {
    private let guest: SessionGuest
    private let network: GuestNetwork
    private let image: MountedImage
    private let state: SessionState
    private let signals: (stream: AsyncStream<SessionSignal>, continuation: AsyncStream<SessionSignal>.Continuation)
    private let shutdownSeconds: Int
    private let disks: SessionDisks
    private let bounds: SessionBounds
    private let health: SessionHealth?
    private let log: @Sendable (String) -> Void
    private let teardown: Teardown
    private let suspender: SessionSuspender

    /// - Parameter log: writes a line to the log of the session.
    init(
        guest: SessionGuest, network: GuestNetwork, image: MountedImage, state: SessionState,
        signals: (stream: AsyncStream<SessionSignal>, continuation: AsyncStream<SessionSignal>.Continuation),
        shutdownSeconds: Int, disks: SessionDisks, bounds: SessionBounds, health: SessionHealth?,
        log: @escaping @Sendable (String) -> Void, teardown: Teardown, suspender: SessionSuspender
    ) {
        self.guest = guest
        self.network = network
        self.image = image
        self.state = state
        self.signals = signals
        self.shutdownSeconds = shutdownSeconds
        self.disks = disks
        self.bounds = bounds
        self.health = health
        self.log = log
        self.teardown = teardown
        self.suspender = suspender
    }

    /// Notes that the guest runs.
    func up() {
        state.update {
            $0.phase = .up
            $0.state = .running
            $0.sshTarget = "root@10.0.2.15"
            $0.domain = guest.domain
        }
    }

    /// Follows the guest to its end.
    /// - Throws: ``SessionFailure`` when it ended otherwise than by its own power-off or our request.
    func follow() async throws {
        await begin()
        var loop = SessionLoop(shutdown: .seconds(shutdownSeconds))
        var wait: Task<Void, any Error>?
        var told: String?
        var (isRunning, isKnown) = (true, true)
        var ticks = Ticks(signals.continuation)
        var memory = IdleMemory()
        defer {
            wait?.cancel()
            ticks.end()
        }
        for await signal in signals.stream {
            health?.seen(signal)
            if case .seen(let state) = signal { isKnown = state != .unknown }
            if case .tick = signal, ticks.isCalm { memory.look(at: image) }
            for action in loop.take(signal, blocksAreMissing: !image.reader.stalledBlocks.isEmpty) {
                switch action {
                case .letReadsWait(true): image.reader.allowWaiting()
                case .letReadsWait(false): image.reader.refuseWaiting()
                case .stop(let force, let time): guest.beginStop(force: force, within: time)
                case .call(let call): begin(call)
                case .detach: suspender.detach()
                case .attach: suspender.attach()
                case .save: suspender.save()
                case .cancelSaving(let isUrgent): suspender.cancel(isUrgent: isUrgent)
                case .reportNotSaved(let reason): suspender.note(reason)
                case .wait(let delay, let number):
                    wait?.cancel()
                    wait = Task { [continuation = signals.continuation] in
                        try await Task.sleep(for: delay)
                        continuation.yield(.waited(number))
                    }
                case .endWait: wait?.cancel()
                case .look: guest.check(signals.continuation)
                case .report(let trouble):
                    let text = disks.text(of: trouble, damage: image.decoded?.damage)
                    state.note(error: text)
                    if text != told { log(text) }
                    told = text
                case .clearReport:
                    state.clearError()
                    if told != nil { log("the guest and its logins go on") }
                    told = nil
                case .show(let now, let reason):
                    isRunning = now == .running
                    health?.shown(now)
                    state.update {
                        $0.state = now
                        $0.waitingFor = reason
                    }
                case .end(let failure?): throw failure
                case .end(nil): return
                }
            }
            ticks.set(isCalm: isRunning && isKnown && told == nil && health?.isJudging != true)
        }
    }

    /// Beside the loop: libvirt may take long while a read waits, and the loop must hear that the read is over.
    private func begin(_ call: GuestCondition.Call) {
        let (guest, continuation) = (guest, signals.continuation)
        Task {
            let isDone = call == .suspend ? await guest.pause() : await guest.resume()
            continuation.yield(.ended(call, isDone: isDone))
        }
    }

    /// Starts the signals that come from neither the reader nor the control socket.
    private func begin() async {
        let (guest, network, image, continuation) = (guest, network, image, signals.continuation)
        let events = Task { for await event in guest.events { continuation.yield(.guest(event)) } }
        let mount = Task {
            await image.waitUntilUnmounted()
            continuation.yield(.mountEnded)
        }
        do throws(SystemCallError) {
            let watch = try SpaceWatch(
                disks.reserve, guests: disks.overlays, home: disks.homes, logins: disks.exchange,
                roomForLogins: { [bounds] in bounds.setRoom($0) },
                changed: { [bounds] in
                    bounds.setHeld($0.stopsLogins)
                    continuation.yield(.room($0))
                })
            await teardown.addBlocking { [bounds] in
                watch.close()
                // Who is frozen cannot end.
                bounds.setHeld(false)
            }
        } catch {
            log("the room on the disk is not watched: \(error)")
        }
        let cable = GuestCable(
            setLink: { await guest.setLink(isUp: $0) }, isThere: { await guest.isActive() }, log: log,
            show: { [state] in state.note($0) })
        let following = Task { await cable.follow(network.events) }
        // What is being saved when the guest ends is saved, or it is not, before anything of the session goes.
        await teardown.add { [suspender] in await suspender.finish() }
        let watching = health?.follow()
        await teardown.add { [health] in
            watching?.cancel()
            await health?.finish()
            events.cancel()
            following.cancel()
            mount.cancel()
        }
    }
}

/// Says when it is time to look whether an event was lost: often while something is amiss, and seldom otherwise, for each look wakes libvirt
/// too.
private struct Ticks {
    private static let pauses = (calm: Duration.seconds(60), otherwise: Duration.seconds(5))

    private let signals: AsyncStream<SessionSignal>.Continuation
    private(set) var isCalm = false
    private var task: Task<Void, any Error>

    init(_ signals: AsyncStream<SessionSignal>.Continuation) {
        self.signals = signals
        task = Ticks.begin(signals, Ticks.pauses.otherwise)
    }

    mutating func set(isCalm: Bool) {
        guard isCalm != self.isCalm else { return }
        self.isCalm = isCalm
        task.cancel()
        task = Ticks.begin(signals, isCalm ? Ticks.pauses.calm : Ticks.pauses.otherwise)
    }

    func end() { task.cancel() }

    private static func begin(
        _ signals: AsyncStream<SessionSignal>.Continuation, _ pause: Duration
    ) -> Task<Void, any Error> {
        Task {
            while !Task.isCancelled {
                try await Task.sleep(for: pause)
                signals.yield(.tick)
            }
        }
    }
}

/// The folders that a session writes to, and what is said when there is no room in them.
struct SessionDisks: Sendable {
    let overlays: String
    let exchange: String
    let cache: String
    let reserve: DiskReserve
    /// Of the guest's home; nil for none.
    var homes: String?

    /// What guests write lies on two disks where the user has moved one: the fuller of them.
    private var fullest: String {
        guard let homes else { return overlays }
        let margins = [overlays, homes].map { folder in
            // One that cannot be looked at now is not the one to name.
            (try? FileSystemSpace(of: Folder(path: folder))).map(reserve.margin) ?? .max
        }
        return margins[1] < margins[0] ? homes : overlays
    }

    /// What the user is told about the disk of the guest's changes.
    /// - Parameter damage: what is wrong with the image, where a read failed for it: then this host's disk is not to blame.
    func text(of trouble: SessionLoop.DiskTrouble, damage: DiskImageError?) -> String {
        let fullest = fullest
        return switch trouble {
        case .failing where damage != nil:
            "the guest waits for a part of its disk that cannot be read, and this is tried again: \(damage.map { "\($0)" } ?? ""). "
                + "Stop the guest and use another version of the system"
        case .full:
            "the disk that holds what guests write (\(fullest)) is full: the guest waits, and goes on by itself when "
                + "there is room. \(advice(fullest))"
        case .reserve:
            "less than \(size(fullest, reserve.forGuests)) is free on the disk that holds what guests write (\(fullest)), which is "
                + "the reserve: the guest waits, and goes on by itself when there is room. \(advice(fullest))"
        case .loginsReserve:
            "less than \(size(exchange, reserve.forLogins)) is free, or few new files can be made, on the disk that holds the exchange "
                + "folder (\(exchange)): the "
                + "guest's logins on this machine wait, and go on by themselves when there is room. \(advice(exchange))"
        case .failing:
            "the guest's disk cannot be read or written (its changes are in \(overlays)): the guest waits while this is tried "
                + "again"
        }
    }

    private func size(_ folder: String, _ mark: (Int) -> Int) -> String {
        // A disk that cannot be looked at now is not worth another message.
        let space = try? FileSystemSpace(of: Folder(path: folder))
        return ByteCount.text(UInt64(clamping: mark(space?.total ?? Int.max / 8)))
    }

    private func advice(_ folder: String) -> String {
        // Without the device of both, the cache is not mentioned.
        let devices = [folder, cache].compactMap { try? Paths.status($0)?.identity.device }
        let isShared = devices.count == 2 && devices[0] == devices[1]
        return "Remove what you do not need there"
            + (isShared ? ", or empty the cache, which is on the same disk: 'oscircular cache clear'" : "")
    }
}
