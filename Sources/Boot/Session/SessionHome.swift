import Catalog
import GuestDomain
import Linux

/// The home of a session's guest: the session's alone from before the guest starts until it has ended.
struct SessionHome: Sendable {
    let name: KeptName
    let guest: GuestHome
    /// The backup that was made of it before this version got it; nil where none was.
    let backup: String?
    private let lock: HomeLock

    /// Lets others have it: nothing of the guest is left.
    func giveBack() { lock.end() }

    /// Takes the home that a request names, and makes it where there is none. May copy it first, see ``keepBefore(_:_:_:_:)``.
    /// - Parameter warn: is told why it could not be copied.
    /// - Returns: nil where the request names none.
    /// - Throws: ``HomeError``: ``HomeError/notAllowed(_:)`` where the user has to allow it first, ``HomeError/lost(_:hasBackups:)``;
    ///   ``BootError/invalidKeptName(_:)``.
    static func take(
        _ request: BootRequest, _ version: SessionImage, places: Places, configuration: Configuration,
        warn: @escaping @Sendable (KeptName, VersionKey, HomeError) -> Void, log: @escaping @Sendable (String) -> Void
    ) async throws -> SessionHome? {
        guard let text = request.home else { return nil }
        let name = try KeptName(argument: text)
        let library = HomeLibrary(places: places, reserve: configuration.reserve)
        let isVerified = version.isVerifiedAtStart(places)
        let key = VersionKey(version.chosen)
        let (isAllowed, id) = (request.allowHome ?? false, request.id)
        // A machine had it before: in an empty one its user would miss everything.
        let mustExist = if case .started = request.machine { true } else { request.resumes != nil }
        return try await WorkerThread.run(name: "home") {
            try take(
                name, for: id, key, isVerified: isVerified, isAllowed: isAllowed, library, mustExist: mustExist,
                warn: { warn(name, key, $0) }, log: log)
        }
    }

    /// - Parameter mustExist: none is made.
    static func take(
        _ name: KeptName, for session: String, _ key: VersionKey, isVerified: Bool, isAllowed: Bool,
        _ library: HomeLibrary, mustExist: Bool = false, warn: (HomeError) -> Void = { _ in }, log: (String) -> Void
    ) throws(HomeError) -> SessionHome {
        try library.prepareFolder()
        let files = library.files(name)
        let lock = try HomeLock.take(files, for: session)
        files.sweep()
        let isNew = !library.exists(name)
        let hasBackups = !files.backupNames.isEmpty
        if isNew, mustExist || hasBackups { throw .lost(name, hasBackups: hasBackups) }
        let known = isNew ? nil : try library.knownOrAdopted(files)
        if !isAllowed, let question = library.question(name, known, key, isVerified: isVerified) {
            throw .notAllowed(question)
        }
        if isNew {
            try library.create(files, size: HomeLibrary.usualSize)
            log("the home '\(name)' is new")
        }
        var record = try library.knownOrAdopted(files)
        let disk = try files.open(files.disk)
        try library.check(disk, name, record)
        let backup = isNew ? nil : keepBefore(key, record, disk, files, library, warn: warn, log: log)
        record.isUsed = true
        record.lastUsed = .init(
            catalog: key.catalog, distribution: key.distribution, version: key.version, time: .now)
        let system = "\(key.catalog)/\(key.distribution)"
        if !record.systems.contains(system) { record.systems.append(system) }
        try library.write(record, files)
        return SessionHome(
            name: name, guest: GuestHome(diskPath: files.disk, user: record.user), backup: backup, lock: lock)
    }

    /// Bytes that are copied before a start, where blocks cannot be shared: some seconds' work.
    private static let mostToCopy = 2 << 30
    /// Backups that are left of those.
    private static let backupsKept = 3

    /// Keeps the home as it is before a version that has not had it last, where there is room.
    /// - Returns: the backup's name.
    private static func keepBefore(
        _ key: VersionKey, _ record: HomeRecord, _ disk: FileHandle, _ files: HomeFiles, _ library: HomeLibrary,
        warn: (HomeError) -> Void, log: (String) -> Void
    ) -> String? {
        guard let last = record.lastUsed,
            (last.catalog, last.distribution, last.version) != (key.catalog, key.distribution, key.version)
        else { return nil }
        do throws(HomeError) {
            let backup = try library.backup(files, disk, isAutomatic: true, mostToCopy: mostToCopy)
            log("the home '\(files.name)' is kept as it was before \(key): backup \(backup.name)")
            for old in files.backupNames.filter(HomeFiles.isAutomatic).dropFirst(backupsKept) {
                Paths.removeIfPossible(files.backup(old))
            }
            return backup.name
        } catch {
            warn(error)
            return nil
        }
    }

    // MARK: In the guest

    /// Sees to it that the guest has the home where it belongs: some systems have done it by themselves when a login is possible, for others
    /// it is done then. Returns at once.
    /// - Parameter reached: is told when somebody could log in.
    /// - Throws: ``SystemCallError`` where the session's folder cannot be written.
    func settle(
        _ authorizedKey: String, in directory: SessionDirectory, state: SessionState,
        reached: @escaping @Sendable () -> Void = {}, log: @escaping @Sendable (String) -> Void
    ) throws(SystemCallError) -> Task<Void, Never> {
        try directory.setHome(.waiting)
        let (name, user, script) = (name, guest.user, guest.script(authorizedKey: authorizedKey))
        return Task {
            var tries = SettlingTries()
            while !Task.isCancelled {
                // A task that is cancelled ends with the loop.
                try? await Task.sleep(for: tries.pause)
                if Task.isCancelled { return }
                let login = directory.systemUser
                // Without ssh, or a thread, it is as if nobody answered.
                let finished = try? await WorkerThread.run(name: "home in guest") {
                    try GuestSSH.run(script, in: directory, as: login, within: .seconds(180))
                }
                if Task.isCancelled { return }
                if SettlingTries.isAnswer(finished) { reached() }
                switch tries.outcome(finished) {
                case .ready:
                    // Who logs in then gets the system's own user.
                    try? directory.setHome(.ready(user))
                    return log("the home '\(name)' is at /home/\(user)")
                case .failed(let reason):
                    let text = "the home '\(name)' is not in use: \(reason)"
                    // As above.
                    try? directory.setHome(.failed(text))
                    state.note(error: text)
                    return log(text)
                case .again: break
                }
            }
        }
    }
}

/// How often it is tried to reach a guest, and what its answers mean.
struct SettlingTries: Sendable {
    enum Outcome: Equatable { case ready, again, failed(String) }

    /// What the script's own lines begin with.
    private let mark: String
    private var unanswered = 0
    private var failed = 0

    init(mark: String = "oscircular-home: ") { self.mark = mark }

    /// Before the next try: the start of a guest takes seconds, or minutes in emulation.
    var pause: Duration { .seconds(unanswered < 60 ? 3 : 15) }

    /// Whether somebody could log in, whatever came of it.
    /// - Parameter finished: how ssh ended; nil where it did not start.
    static func isAnswer(_ finished: ChildProcess.Finished?) -> Bool {
        if case .exited(let code)? = finished?.ending { code != 255 } else { false }
    }

    /// - Parameter finished: how ssh ended; nil where it did not start.
    mutating func outcome(_ finished: ChildProcess.Finished?) -> Outcome {
        guard let finished, case .exited(let code) = finished.ending, code != 255 else {
            unanswered += 1
            // An hour.
            guard unanswered >= 280 else { return .again }
            return .failed(
                "nobody could log in to the guest, which must have an ssh server that takes the session's key")
        }
        if code == 0 { return .ready }
        failed += 1
        // What the guest's own start does at the same time may be in the way.
        guard failed >= 3 else { return .again }
        return .failed(SettlingTries.lastWords(of: finished, mark: mark))
    }

    /// Why a script in a guest failed, as a phrase.
    static func lastWords(of finished: ChildProcess.Finished, mark: String) -> String {
        if finished.ending == .exited(255) || finished.ranOutOfTime { return "nobody could log in to the guest" }
        let lines = finished.text.split(separator: "\n")
        let own = lines.last { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) }
        return own ?? lines.last.map(String.init) ?? "a command in the guest ended with \(finished.ending.shellStatus)"
    }
}

/// How far a guest is with its user's home.
package enum HomeState: Sendable, Equatable {
    case none
    case waiting
    /// The user whose home it is.
    case ready(String)
    case failed(String)
}

extension SessionDirectory {
    package var homeState: HomeState {
        // Where there is no file there is no home.
        guard let text = try? FileContents.readText(home, limit: 4096) else { return .none }
        let words = text.split(separator: "\n").first.map { $0.split(separator: " ", maxSplits: 1) } ?? []
        switch words.first {
        case "ready": return .ready(words.count > 1 ? String(words[1]) : "root")
        case "failed": return .failed(words.count > 1 ? String(words[1]) : "")
        default: return .waiting
        }
    }

    /// Whether the guest has its home.
    var isHomeSettled: Bool { if case .ready = homeState { true } else { false } }

    func setHome(_ state: HomeState) throws(SystemCallError) {
        let text =
            switch state {
            case .none, .waiting: "waiting"
            case .ready(let user): "ready \(user)"
            case .failed(let reason): "failed \(reason.filter { $0 != "\n" })"
            }
        try AtomicFile.write("\(text)\n", to: home, mode: 0o600)
    }
}
