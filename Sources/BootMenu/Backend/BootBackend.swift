import BlockStore
import Boot
import Catalog
import Curl
import GuestDomain
import Linux
import Synchronization

/// The menu's backend in real use: this user's catalogs, cache and sessions, through the same code as the commands.
package final class BootBackend: MenuBackend {
    let places: Places
    let configuration: Configuration
    let transfers: TransferQueue
    /// Everything that can be booted, and the part of it that catalogs offer.
    var systems: SystemsLibrary { loaded.withLock { $0 } }
    var library: CatalogLibrary { systems.catalogs }
    let cacheOfUser: BlockCache
    let registry: SessionRegistry
    /// Path of our own program, which the sessions' processes run.
    let program: String
    let hasDisplay: Bool
    let describe: @Sendable (any Error) -> String
    /// Made anew when the table of vendors has changed.
    private let loaded: Mutex<SystemsLibrary>
    /// The catalogs as they were read last.
    private let copies = Mutex<[CatalogCopy]>([])
    /// The guests as they were seen last.
    private let seen = Mutex<[Guest]>([])

    /// - Parameters:
    ///   - program: path of the program that knows `run-session`.
    ///   - hasDisplay: whether windows can be opened; then guests get a screen.
    ///   - describe: the message for an error, as the commands print them.
    package init(
        places: Places, configuration: Configuration, program: String, hasDisplay: Bool,
        describe: @escaping @Sendable (any Error) -> String
    ) {
        self.places = places
        self.configuration = configuration
        self.program = program
        self.hasDisplay = hasDisplay
        self.describe = describe
        transfers = configuration.transfers(catalogs: places.catalogs)
        loaded = Mutex(SystemsLibrary(places: places, configuration: configuration, transfers: transfers))
        cacheOfUser = BlockCache.open(places: places, configuration: configuration)
        registry = SessionRegistry(places: places)
    }

    package func message(for error: any Error) -> String { describe(error) }

    /// Reads the table of vendors again.
    func renewSystems() async {
        let (places, configuration, transfers) = (places, configuration, transfers)
        // Without a thread what was read before goes on to be used.
        let new = try? await WorkerThread.run(name: "table") {
            SystemsLibrary(places: places, configuration: configuration, transfers: transfers)
        }
        if let new { loaded.withLock { $0 = new } }
    }

    func remember(_ new: [CatalogCopy]) { copies.withLock { $0 = new } }

    /// A version as its catalog has it.
    /// - Throws: ``CatalogAccessError`` if the catalog no longer has it.
    func chosen(_ image: VersionKey) throws -> ChosenVersion {
        guard let name = VersionName(image.description) else {
            throw CatalogAccessError.noSuchDistribution(image.distribution, near: [])
        }
        return try name.choose(from: copies.withLock { $0 })
    }

    // MARK: Guests

    package func guests() async -> [Guest] {
        let list = await registry.survey(patience: .zero)
        // One without a socket is just starting, or about to end.
        let silent = list.silent.filter {
            // One that has ended meanwhile is not shown.
            (try? registry.directory(of: $0.id)).map { BootBackend.isThere($0.control) } ?? false
        }
        let (suspended, answering) = (SuspendedLibrary(places: places), Set(list.sessions.map(\.id)))
        // Without a thread they are not shown now.
        let stored = try? await WorkerThread.run(name: "suspended") { suspended.statuses(nil, besides: answering) }
        return seen.withLock { seen in
            let known = seen
            seen =
                (list.sessions + (stored ?? [])).map { Guest($0) }
                + silent.map { session in Guest(silent: session, known.first { $0.id == session.id }) }
            seen.sort { ($0.status.started, $0.id) < ($1.status.started, $1.id) }
            return seen
        }
    }

    package func status(session: String) async -> SessionStatus? {
        // One without a socket is just starting, and is asked again.
        try? await registry.send(.status, to: session).status
    }

    package func picture(session: String, cells: Int) async -> [BlockMap.Cell]? {
        let wanted = min(cells, ControlRequest.mostCells)
        // The picture stays as it was while a session does not answer.
        return try? await registry.send(.blockMap, cells: wanted, to: session).map?.cells
    }

    package func boot(
        _ image: VersionKey, session: String, allowing: UnverifiedBoot?, wishes: BootWishes
    ) async throws -> StartReport {
        let registry = registry
        // They may have been changed since the menu was opened, by its own form too.
        let all = try await current()
        let own = all.systems[image.system.description] ?? SystemSettings()
        let configuration = all.applying(own)
        let (places, unverified) = (places, UnverifiedBoots(places: places, settings: configuration.vendors))
        try await WorkerThread.run(name: "stale") {
            if let allowing { try unverified.allow(allowing) }
            if let home = wishes.allowsHome { try HomeLibrary(places: places).allow(home) }
            registry.clearStale()
            registry.trimLogs()
        }
        if let resumption = wishes.resumes {
            let suspended = SuspendedLibrary(places: places)
            var request = try await WorkerThread.run(name: "suspended") {
                try suspended.request(resumption.session, resumption.isCold ? .cold : .memory)
            }
            if wishes.allowsShare { request.allowShare = true }
            if wishes.share?.isEmpty == true { request = request.withoutShare }
            return try await SessionLauncher(places: places, program: program).start(request)
        }
        var request = BootRequest(
            id: session, name: image.description,
            // A machine has what it had the last time, whatever is set for its system.
            memoryMiB: wishes.start == nil ? configuration.memoryMiB : nil,
            cpus: wishes.start == nil ? configuration.cpus : nil,
            // Windows and consoles are opened from the menu later; the guest needs a screen for that.
            display: hasDisplay ? .window : .none, network: configuration.network, accel: configuration.accelerator,
            connect: configuration.connect, keepsExchange: configuration.keepsExchange ? nil : false,
            exchangeLimit: configuration.exchangeLimit, machine: BootBackend.machine(wishes),
            // A machine that there is has its disk, and the home that it was made with.
            diskSize: wishes.diskSize ?? (wishes.start == nil ? own.diskSize : nil),
            home: (wishes.home ?? (wishes.start == nil ? own.home : nil)).flatMap { $0.isEmpty ? nil : $0 })
        request.take(
            try ShareChoice(
                asked: wishes.share, own: own.share, network: request.network, isNetworkAsked: false,
                isNetworkOwn: own.network != nil), isAllowed: wishes.allowsShare,
            setting: wishes.share == nil ? SystemSettings.name(.share, of: image.system.description) : nil)
        // A machine stays on its own version.
        request.healthy = wishes.machine == nil ? configuration.healthySeconds : nil
        request.sharesClipboard = own.clipboard?.isOn
        request.bootsCold = wishes.bootsCold || configuration.warm.use == .never ? true : nil
        request.fetchesBase = wishes.fetchesBase
        if wishes.keepsUnverified { request.keepsUnverified = true }
        if wishes.publishesUnverified { request.publishesUnverified = true }
        request.publish = try BootRequest.ports(
            asked: [], set: own.publish, network: configuration.network, isNetworkAsked: false
        ).publish
        request.asksOfTable = true
        if wishes.isTrial {
            request.becomeTrial()
            try await noteTrial(image, session: session)
        }
        return try await SessionLauncher(places: places, program: program).start(request)
    }

    package func forgetSuspended(_ session: String) async throws {
        let (library, cache) = (SuspendedLibrary(places: places), cacheOfUser)
        try await WorkerThread.run(name: "suspended") { try library.forget(session, cache: cache) }
    }

    private static func machine(_ wishes: BootWishes) -> BootRequest.KeptMachine? {
        wishes.keep.map { .new($0) } ?? wishes.start.map { .started($0) }
    }

    package func order(_ command: ControlCommand, session: String) async throws {
        let directory = try registry.directory(of: session)
        do {
            _ = try await registry.send(command, to: session, patience: command == .force ? .seconds(2) : .zero)
        } catch BootError.sessionSilent where command == .force {
            // One that has ended meanwhile needs no force.
            guard directory.isAlive else { return }
            let (registry, describe) = (registry, describe)
            try await WorkerThread.run(name: "kill") {
                guard registry.kill(directory) == nil else { return }
                throw SessionFailure(
                    exitCode: 75, message: describe(BootError.sessionSilent(session, pid: directory.process)))
            }
        }
    }

    package func console(session: String, interruption: EventDescriptor) async throws {
        let directory = try registry.directory(of: session)
        // A console can be opened of a session that does not say what it runs.
        let status = try? await registry.send(.status, to: session).status
        let name = status.map { "\($0.distribution) \($0.version)" } ?? session
        StandardOutput.program.write("Console of \(name). Ctrl-] returns to the menu.\r\n")
        let path = directory.console
        _ = try await WorkerThread.run(name: "console") {
            try ConsoleViewer.run(socketPath: path, interruption: interruption)
        }
    }

    package func endReason(session: String, _ image: VersionKey) async -> GuestEnd? {
        let (directory, places) = (SessionDirectory(id: session, places: places), places)
        // Without a thread nobody is told why it ended; its log has the reason.
        return try? await WorkerThread.run(name: "log") {
            if let rollback = directory.rollback { return GuestEnd(reason: rollback.text, isRolledBack: true) }
            guard let reason = directory.failure else { return nil }
            let fault = VendorNotes(places: places).text(.wrong, image.distribution, image.version)
            return GuestEnd(
                reason: reason, isWrongImage: fault != nil && image.catalog == CatalogSource.vendorsName)
        }
    }

    package func login(session: String) async throws -> GuestLogin? {
        let directory = try registry.directory(of: session)
        return try await WorkerThread.run(name: "login") {
            let password = try BootBackend.text(directory.password)
            let user = try BootBackend.text(directory.userInGuest)
            return password == nil && user == nil ? nil : GuestLogin(user: user ?? "root", password: password)
        }
    }

    /// The first line of a small file; nil where there is none.
    private static func text(_ path: String) throws(SystemCallError) -> String? {
        guard try Paths.isThere(path) else { return nil }
        return try FileContents.readText(path, limit: 4096).split(separator: "\n").first.map(String.init)
    }

    package func window(session: String) async throws {
        let status = try await registry.send(.status, to: session).status
        guard let domain = status?.domain else {
            throw BootError.refused(session: session, reason: "it has no screen yet")
        }
        guard BootBackend.isThere(try registry.directory(of: session).screen) else {
            throw BootError.refused(session: session, reason: "it was booted without a screen; press c for its console")
        }
        if let reason = GuestWindow.open(uri: domain.uri, domainName: domain.name, screen: status?.screen) {
            throw BootError.refused(session: session, reason: reason)
        }
    }

    /// A socket that cannot be looked at is as good as none.
    private static func isThere(_ path: String) -> Bool { (try? Paths.isThere(path)) ?? false }
}
