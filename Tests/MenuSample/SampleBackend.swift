import Boot
import BootMenu
import Catalog
import Glibc
import Linux
import Synchronization
import Vendors

/// A made-up world for the menu: for its screen tests and its benchmark. Nothing is fetched and nothing boots.
final class SampleBackend: MenuBackend {
    struct World {
        var offer: MenuOffer
        var guests: [Guest] = []
        var pinned: Set<VersionKey> = []
        var ticks = 0
        var machines: [MachineItem] = []
        var settings: [SystemName: SystemSettings] = [:]
        var bisects: [SystemName: BisectRecord] = [:]
    }

    let world: Mutex<World>
    /// Steps of a fetch at full rate, 5,000 a second; 0 for one at a gentle rate.
    private let flood: Int
    /// How long a survey of all guests takes, as if one of them did not answer.
    private let silence: Duration
    /// Whether guests have screens.
    private let hasScreens: Bool

    init(
        offer: MenuOffer, machines: [MachineItem] = [], flood: Int, silence: Duration, hasScreens: Bool = false
    ) {
        world = Mutex(World(offer: offer, machines: machines))
        self.flood = flood
        self.silence = silence
        self.hasScreens = hasScreens
    }

    func screen(session: String, size: PictureSize) async -> SeenScreen? {
        hasScreens ? SampleScreen.picture.map { SeenScreen(session: session, picture: $0, age: 0) } : nil
    }

    func catalogsStamp() async -> Int64 { 0 }

    func offers(isAsked: Bool) -> AsyncStream<MenuOffer> {
        let offer = world.withLock { world in
            var offer = world.offer
            for (place, system) in offer.systems.enumerated() {
                for (row, version) in system.versions.enumerated() {
                    if world.pinned.contains(version.key) { offer.systems[place].versions[row].isPinned = true }
                }
            }
            offer.isPriced = true
            return offer
        }
        return AsyncStream {
            $0.yield(offer)
            $0.finish()
        }
    }

    func price(_ system: SystemName) async {}

    func ask(_ system: SystemName, isAsked: Bool) async -> VendorFailure? {
        // A menu that ends does not wait for it.
        try? await Task.sleep(for: .milliseconds(700))
        // Every world has a vendor that changed its pages, and one whose server is down.
        if system.distribution.hasPrefix("gentoo") {
            return VendorFailure(
                "https://images.example.org/: names no build that the table knows; update OS Circular, or tell its makers"
            )
        }
        if system.distribution == "haiku" {
            return VendorFailure("https://images.example.org/: could not connect", isPassing: true)
        }
        world.withLock { world in
            guard let place = world.offer.systems.firstIndex(where: { $0.name == system }) else { return }
            world.offer.systems[place] = SampleOffer.listed(world.offer.systems[place])
        }
        return nil
    }

    func hide(_ vendor: String, _ isHidden: Bool) async throws {
        world.withLock { world in
            if isHidden { world.offer.hiddenVendors.insert(vendor) } else { world.offer.hiddenVendors.remove(vendor) }
        }
    }

    func login(session: String) async throws -> GuestLogin? { GuestLogin(user: "debian", password: "correct-horse-42") }

    func guests() async -> [Guest] {
        // Those that answered at its beginning.
        let guests = world.withLock { $0.guests }
        // A menu that ends does not wait for it.
        try? await Task.sleep(for: silence)
        return guests
    }

    func status(session: String) async -> SessionStatus? {
        world.withLock { $0.guests.first { $0.id == session }?.status }
    }

    func picture(session: String, cells: Int) async -> [BlockMap.Cell]? {
        let ticks = world.withLock { world in
            world.ticks += 1
            return world.ticks
        }
        return (0..<cells).map { cell in
            if cell * 5 > cells * 4 { return .hole }
            if cell < ticks * 12 { return cell % 7 == 0 ? .read : .here }
            return cell < ticks * 12 + 8 ? .arriving : .missing
        }
    }

    func keep(_ change: TableChange, isAllowed: Bool) async throws {}

    func boot(
        _ image: VersionKey, session: String, allowing: UnverifiedBoot?, wishes: BootWishes
    ) async throws -> StartReport {
        let version = world.withLock { world in
            world.offer.systems.first { $0.name == image.system }?.versions.first { $0.key == image }
        }
        if version?.trust == TrustLevel.none, allowing == nil {
            var report = StartReport()
            report.unverified = UnverifiedBoot(image, level: .none, least: .whole)
            return report
        }
        if image.version == "2026-11-02" { throw SampleError.refused }
        let isWarm = version?.isWarm == true && !wishes.bootsCold
        var status = SessionStatus(
            id: session, catalog: image.catalog, distribution: image.distribution, version: image.version,
            state: .starting, phase: .catalog, pid: getpid(), started: Timestamp.now.description,
            consoleLog: "/var/lib/oscircular/logs/\(session).log", blocks: 4800, blocksHere: 1248,
            bootSet: SessionStatus.BootSetProgress(blocks: 336, done: 0))
        status.screen = .vnc
        status.machine = wishes.keep ?? wishes.start
        status.home = world.withLock { world in
            if let keep = wishes.keep { world.keep(keep, image, home: wishes.home) }
            return wishes.home ?? world.settings[image.system]?.home
        }
        if status.home?.isEmpty == true { status.home = nil }
        for phase in SessionStatus.Phase.allCases where phase != .up {
            status.phase = phase
            status.accel = phase == .guest ? "tcg" : nil
            let steps = phase == .bootSet ? 8 : 1
            for step in 1...steps {
                if phase == .bootSet {
                    status.bootSet?.done = 336 * step / steps
                    status.bytesFetched = 84_000_000 * UInt64(step) / UInt64(steps)
                    status.rate = 9_100_000
                }
                show(status)
                // Slow enough to be watched where that is what matters.
                try await Task.sleep(for: .milliseconds(silence > .zero ? 150 : isWarm ? 10 : 60))
            }
        }
        (status.phase, status.state) = (.up, .running)
        (status.start, status.startSeconds) = isWarm ? (.warm, 1.2) : (.booted, 31)
        status.mount = "/run/oscircular/sessions/\(session)/mount/\(image.version)"
        show(status)
        return StartReport(status: status, isUp: true)
    }

    /// From now on the session says this of itself.
    private func show(_ status: SessionStatus) {
        world.withLock { world in
            world.guests.removeAll { $0.id == status.id }
            world.guests.append(Guest(status))
        }
    }

    func forgetSuspended(_ session: String) async throws {
        world.withLock { world in world.guests.removeAll { $0.id == session } }
    }

    func order(_ command: ControlCommand, session: String) async throws {
        world.withLock { world in
            guard let row = world.guests.firstIndex(where: { $0.id == session }) else { return }
            switch command {
            case .suspend:
                world.guests[row].status.state = .suspended
                world.guests[row].status.suspended = .init(
                    time: world.guests[row].status.started, memory: 42_000_000, disk: 3_000_000)
            case .stop, .force: world.guests.remove(at: row)
            case .pause: world.guests[row].status.state = .paused
            case .resume: world.guests[row].status.state = .running
            case .status, .blockMap, .screenshot, .publish, .withdraw: break
            }
        }
    }

    func changePorts(session: String, adding: [String], removing: [String]) async throws {
        world.withLock { world in
            guard let row = world.guests.firstIndex(where: { $0.id == session }) else { return }
            var ports = world.guests[row].status.ports ?? []
            ports.removeAll { removing.contains($0.argument) }
            ports += adding.compactMap(SessionStatus.Port.init(argument:))
            world.guests[row].status.ports = ports.isEmpty ? nil : ports
        }
    }

    func console(session: String, interruption: EventDescriptor) async throws {
        let status = await status(session: session)
        let name = status.map { "\($0.distribution)@\($0.version)" } ?? "nothing"
        try await WorkerThread.run(name: "console") {
            let words = Array("console of \(name): q leaves\r\n".utf8)
            _ = write(STDOUT_FILENO, words, words.count)
            var waiting = [
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            var byte: UInt8 = 0
            while poll(&waiting, 2, -1) >= 0, waiting[1].revents == 0 {
                if read(STDIN_FILENO, &byte, 1) <= 0 || byte == UInt8(ascii: "q") { return }
            }
            // As the real one, which takes back what the guest did to the terminal.
            usleep(500_000)
            let last = Array("console given back\r\n".utf8)
            _ = write(STDOUT_FILENO, last, last.count)
        }
    }

    func endReason(session: String, _ image: VersionKey) async -> GuestEnd? { nil }

    func window(session: String) async throws {}

    func fetch(_ image: VersionKey, _ extent: VersionFetch.Extent) -> AsyncThrowingStream<MenuProgress, any Error> {
        AsyncThrowingStream { continuation in
            let (steps, pause) = flood > 0 ? (flood, Duration.microseconds(200)) : (40, Duration.milliseconds(50))
            let task = Task {
                for step in 1...steps where !Task.isCancelled {
                    let done = 84_000_000 * UInt64(step) / UInt64(steps)
                    continuation.yield(MenuProgress(done: done, total: 84_000_000, rate: 9_100_000))
                    // A fetch that is stopped ends by the loop's own question.
                    try? await Task.sleep(for: pause)
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    func makeWarm(_ image: VersionKey) -> AsyncThrowingStream<WarmProgress, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                for step in 1...30 where !Task.isCancelled {
                    let done = 84_000_000 * UInt64(min(step, 10)) / 10
                    continuation.yield(
                        step <= 10
                            ? .fetching(MenuProgress(done: done, total: 84_000_000, rate: 9_100_000))
                            : step <= 25 ? .booting : .saving)
                    // What is stopped ends by the loop's own question.
                    try? await Task.sleep(for: .milliseconds(100))
                }
                if !Task.isCancelled { setWarm(image) }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func setWarm(_ image: VersionKey) {
        world.withLock { world in
            for place in world.offer.systems.indices where world.offer.systems[place].name == image.system {
                for row in world.offer.systems[place].versions.indices
                where world.offer.systems[place].versions[row].key == image {
                    world.offer.systems[place].versions[row].offline = .whole
                    world.offer.systems[place].versions[row].isWarm = true
                }
            }
        }
    }

    func pin(_ image: VersionKey, _ isPinned: Bool) async throws {
        world.withLock { world in
            if isPinned { world.pinned.insert(image) } else { world.pinned.remove(image) }
        }
    }

    func remove(_ image: VersionKey) async throws -> UInt64 { 4_000_000 }

    func cache() async throws -> CacheOverview {
        let (offer, pinned) = world.withLock { ($0.offer, $0.pinned) }
        let items = offer.systems.prefix(20).flatMap { system in
            system.versions.prefix(2).map { version in
                var version = version
                version.isPinned = pinned.contains(version.key)
                return CacheItem(version, own: 4_000_000)
            }
        }
        return CacheOverview(
            directory: "/var/cache/oscircular", limit: 20_000_000_000, used: 3_400_000_000, blocks: 13_000, repaired: 1,
            items: items)
    }

    func verify(_ progress: @escaping @Sendable (Int, Int) -> Void) async throws -> Int {
        for step in 1...10 {
            progress(step * 1280, 12_800)
            try await Task.sleep(for: .milliseconds(50))
        }
        return 0
    }

    func add(_ request: CatalogRequest) async throws -> CatalogAnswer {
        if request.url.hasPrefix("https://") && request.fingerprint.isEmpty {
            var request = request
            request.fingerprint = String(repeating: "0123456789abcdef", count: 4)
            return .asks(request, isPrivate: true)
        }
        guard request.url.hasPrefix("http") else { throw SampleError.refused }
        world.withLock {
            $0.offer.catalogs.append(
                CatalogItem(name: request.name, url: request.url, state: .fresh, trust: "not signed"))
        }
        return .added
    }

    func removeCatalog(_ name: String) async throws {
        world.withLock { $0.offer.catalogs.removeAll { $0.name == name } }
    }

    func message(for error: any Error) -> String { "the server at http://127.0.0.1:1/ does not answer; is it up?" }
}

/// What the made-up world refuses.
enum SampleError: Error {
    case refused
}
