import Catalog
import GuestDomain
import GuestNetwork
import Linux
import Synchronization

/// The folder of the host that a session's guest sees: served from before the guest starts, mounted as soon as it can be, taken away before
/// the guest is suspended, and given back when it goes on.
final class SessionShare: Sendable {
    /// What the guest's machine has of it.
    let guest: GuestShare
    private let source: ShareSource
    private let directory: SessionDirectory
    private let state: SessionState
    private let log: @Sendable (String) -> Void
    private let server = Mutex<FolderServer?>(nil)
    /// How the server ended, where that was not asked for.
    private let lastWords = Mutex<String?>(nil)

    private init(
        _ source: ShareSource, isReadOnly: Bool, _ directory: SessionDirectory, _ state: SessionState,
        log: @escaping @Sendable (String) -> Void
    ) {
        // Without a server of its own QEMU's rights count: a user's QEMU has the user's.
        let kind: GuestShare.Kind = FolderServer.isInstalled || CurrentUser.isRoot ? .virtiofs : .plan9
        guest = GuestShare(kind: kind, path: source.path, isReadOnly: isReadOnly, socketPath: directory.share)
        (self.source, self.directory, self.state, self.log) = (source, directory, state, log)
    }

    /// Finds the folder that a request names, and whether the version may have it.
    /// - Parameter note: hears what the user should know.
    /// - Returns: nil where the request names none.
    /// - Throws: ``ShareError``: ``ShareError/notAllowed(_:)`` where the user has to allow it first.
    static func take(
        _ request: BootRequest, _ version: SessionImage, places: Places, directory: SessionDirectory,
        state: SessionState, note: @escaping @Sendable (String) -> Void, log: @escaping @Sendable (String) -> Void
    ) async throws -> SessionShare? {
        if let withheld = request.withheldShare {
            note(
                "the guest has no network, and so it does not get the folder \(withheld.path) of your settings either: '--share' beside "
                    + "'--network none' gives it all the same")
        }
        guard let folder = request.share else { return nil }
        let isVerified = version.isVerifiedAtStart(places)
        let isAllowed = request.allowShare == true || request.allowUnverified == true
        let key = VersionKey(version.chosen)
        let share = try await WorkerThread.run(name: "share") {
            let source = try ShareSource(folder, own: [places.state, places.cache, places.runtime])
            // A suspended guest's was allowed when it got it: that one, whatever has its name now.
            let isGiven = request.givenShare.map { $0 == source.given }
            if isGiven == false ? request.allowShare != true : !isVerified && !isAllowed && isGiven == nil {
                throw ShareError.notAllowed(
                    ShareQuestion(
                        folder: SharedFolder(path: source.path, isReadOnly: folder.isReadOnly), catalog: key.catalog,
                        distribution: key.distribution, version: key.version,
                        isReplaced: isGiven == false ? true : nil))
            }
            return SessionShare(source, isReadOnly: folder.isReadOnly, directory, state, log: log)
        }
        for text in share.remarks { note(text) }
        state.update { $0.share = share.status(.waiting) }
        return share
    }

    /// What a suspended guest's start needs to know the folder by.
    func remembered(in request: BootRequest) -> BootRequest {
        var request = request
        request.givenShare = source.given
        return request
    }

    /// What the user may not have thought of.
    private var remarks: [String] {
        var texts: [String] = []
        if ResolvedPath.isInside(Environment.home, source.path) {
            texts.append(
                guest.isReadOnly
                    ? "the guest can read all of your home, also keys and passwords (.ssh, a browser's): share a folder in it"
                    : "the guest can change all of your home, also what your programs obey when they start (.bashrc, .ssh) and what other guests "
                        + "are made of: share a folder in it, or add ':ro'")
        }
        if guest.kind == .plan9 {
            texts.append(
                "virtiofsd is not installed here (Debian's package \(FolderServer.package)), so QEMU serves the folder by 9p: kernels for "
                    + "clouds often lack that"
                    + (guest.isReadOnly ? "" : ", and links and permissions that the guest makes are only the guest's"))
        }
        return texts
    }

    private func status(
        _ state: SessionStatus.Share.State, _ trouble: String? = nil
    ) -> SessionStatus.Share {
        SessionStatus.Share(
            path: source.path, readOnly: guest.isReadOnly, at: GuestShare.place, kind: guest.kind.rawValue,
            user: source.user?.name, state: state, trouble: trouble)
    }

    private func show(_ now: SessionStatus.Share.State, _ trouble: String? = nil) {
        let shown = status(now, trouble)
        state.update { $0.share = shown }
        guard let trouble else { return }
        state.note(error: trouble)
        log(trouble)
    }

    private var current: SessionStatus.Share.State? { state.snapshot.share?.state }

    // MARK: Its server

    /// Starts the server, which waits for QEMU.
    /// - Parameter emulator: whom QEMU runs as where that is not this user.
    /// - Throws: ``ShareError/server(_:)``; ``ShareError/refused(_:reason:)`` where the folder was replaced; ``SystemCallError`` where there is
    ///   no thread.
    func serve(emulator user: UserID?) async throws {
        let (guest, source) = (guest, source)
        let new = try await WorkerThread.run(name: "share") { [self] () throws -> FolderServer? in
            try source.checkIsSame()
            // QEMU opens it by its name, in a moment.
            guard guest.kind == .virtiofs else { return nil }
            let new: FolderServer
            do throws(GuestNetworkError) {
                new = try FolderServer(
                    source.path, isReadOnly: guest.isReadOnly, user: source.user, socketPath: guest.socketPath,
                    socketOwner: user
                ) { [weak self] in self?.serverEnded($0) }
            } catch {
                throw ShareError.server(error)
            }
            new.waitForStart()
            do throws(ShareError) { try source.checkIsSame() } catch {
                new.end()
                throw error
            }
            return new
        }
        server.withLock { $0 = new }
    }

    /// Starts the server anew for a guest that boots in the place of one that had the folder already, or may have had.
    /// - Parameter emulator: see ``serve(emulator:)``.
    /// - Throws: as ``serve(emulator:)``.
    func serveAgain(emulator: UserID?) async throws {
        guard guest.kind == .virtiofs else { return }
        end()
        try await serve(emulator: emulator)
        lastWords.withLock { $0 = nil }
        // That the server has ended with the other guest.
        if current == .failed { state.clearError() }
        show(.waiting)
    }

    /// The better reason why a guest did not start, where it is its folder's.
    func cause(of error: any Error) -> any Error {
        guard let words = lastWords.withLock({ $0 }) else { return error }
        return ShareError.failed(source.path, reason: "its server ended (\(words))")
    }

    private func serverEnded(_ reason: String) {
        lastWords.withLock { $0 = reason }
        show(.failed, "the folder \(source.path) is not served any more: its server ended (\(reason))")
    }

    /// Ends the server.
    func end() { server.withLock { $0 }?.end() }

    // MARK: In the guest

    /// Sees to it that the folder is mounted: some systems have done it by themselves when a login is possible, for others it is done then.
    /// Returns at once.
    func settle() -> Task<Void, Never> {
        server.withLock { $0 }?.closeDoor()
        return Task { [self] in
            var tries = SettlingTries(mark: SessionShare.mark)
            while !Task.isCancelled, current == .waiting {
                // A task that is cancelled ends with the loop.
                try? await Task.sleep(for: tries.pause)
                if Task.isCancelled || current != .waiting { break }
                // Without ssh, or a thread, it is as if nobody answered.
                let finished = try? await run(guest.script, within: .seconds(120))
                if Task.isCancelled { return }
                switch tries.outcome(finished) {
                case .ready:
                    show(.mounted)
                    log("the folder \(source.path) is at \(GuestShare.place)")
                case .failed(let reason): show(.failed, "the guest does not see the folder \(source.path): \(reason)")
                case .again: break
                }
            }
            await watch()
        }
    }

    /// Watches over a folder that the guest has got back, until the task is cancelled. Returns at once.
    func follow() -> Task<Void, Never> { Task { [self] in await watch() } }

    /// Tells when the folder itself is gone: what the guest has open of it goes on to exist, and nothing new can be made there.
    private func watch() async {
        var isGone = false
        while !Task.isCancelled {
            let (path, identity) = (source.path, source.identity)
            // What cannot be looked at now, root's eyes apart, may be there.
            let found = try? await WorkerThread.run(name: "share") { try Paths.status(path)?.identity == identity }
            if found == false, !isGone, current == .mounted {
                isGone = true
                show(
                    .mounted,
                    "the folder \(path) was removed or replaced: the guest sees what is left of the one that it was given"
                )
            }
            // A task that is cancelled ends with the loop.
            try? await Task.sleep(for: SessionShare.pause)
        }
    }

    private func run(_ script: String, within time: Duration) async throws -> ChildProcess.Finished {
        let directory = directory
        return try await WorkerThread.run(name: "share in guest") {
            try GuestSSH.run(script, in: directory, as: directory.systemUser, within: time)
        }
    }

    // MARK: Suspending

    /// The folder as something that cannot be saved with the guest's memory.
    /// - Parameter emulator: see ``serve(emulator:)``.
    func detachable(_ running: SessionGuest, emulator: UserID?) -> Detachable {
        Detachable(name: "the folder \(source.path)") { [self] in
            try await detach(running)
        } attach: { [self] in
            try await attach(running, emulator)
        }
    }

    private func detach(_ running: SessionGuest) async throws {
        // One that never was mounted need not be unmounted.
        if current != .failed {
            let finished = try await run(GuestShare.removal, within: .seconds(60))
            guard finished.ending == .exited(0) else {
                let reason = SettlingTries.lastWords(of: finished, mark: SessionShare.mark)
                throw ShareError.failed(source.path, reason: "it could not be unmounted in the guest: \(reason)")
            }
        }
        if guest.kind == .virtiofs {
            do { try await running.unplugShare(within: .seconds(30)) } catch {
                // The guest goes on, and has its folder where that is possible.
                try? await mount()
                throw error
            }
            end()
        }
        show(.away)
    }

    private func attach(_ running: SessionGuest, _ emulator: UserID?) async throws {
        if guest.kind == .virtiofs {
            // One that nobody has come to.
            end()
            try await serve(emulator: emulator)
            do { try await running.plug(guest) } catch {
                end()
                show(.failed, "the guest does not get the folder \(source.path) back")
                throw error
            }
            server.withLock { $0 }?.closeDoor()
        }
        show(.waiting)
        try await mount()
    }

    private func mount() async throws {
        // Its ssh server may need a moment to notice that time has passed.
        for isLast in [false, false, true] {
            let finished = try await run(guest.script, within: .seconds(60))
            if finished.ending == .exited(0) { return show(.mounted) }
            let reason = SettlingTries.lastWords(of: finished, mark: SessionShare.mark)
            if isLast {
                show(.failed, "the guest does not see the folder \(source.path): \(reason)")
                throw ShareError.failed(source.path, reason: reason)
            }
            try await Task.sleep(for: .seconds(2))
        }
    }

    private static let mark = "oscircular-share: "
    /// Between two looks whether the folder is there still.
    private static let pause = Duration.seconds(30)
}
