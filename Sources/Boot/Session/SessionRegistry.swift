import GuestNetwork
import ImageMount
import Linux

/// The sessions of this user: those that run, and what is left of dead ones.
package struct SessionRegistry: Sendable {
    private let places: Places

    package init(places: Places) { self.places = places }

    /// Ids of sessions whose process lives.
    package func ids() -> [String] {
        // A folder that somebody else may have filled says nothing about our sessions.
        let names = places.trustedSessions.flatMap { Folder.namesIfAny(in: $0).filter(SessionID.isValid) }
        // Good enough to show and stop sessions; cleaning up takes each session's own lock.
        return names.sorted().filter { SessionDirectory(id: $0, places: places).isAlive }
    }

    /// The sessions that make warm states.
    package func templates() async -> [SessionStatus] {
        await answers(patience: .zero, isTemplate: true).sessions
    }

    /// The status of every living session of a guest of its user's. Those that do not answer in time are left out.
    package func statuses() async -> [SessionStatus] { await answers(patience: .zero).sessions }

    /// The status of every living session of a guest of its user's, and which ones do not answer.
    /// - Parameter patience: how long to wait for a session that has no socket yet, or no longer: it is starting or ending.
    package func survey(patience: Duration) async -> SessionList {
        let (sessions, ids) = await answers(patience: patience)
        var silent: [SilentSession] = []
        for id in ids.sorted() { silent.append(SilentSession(id: id, pid: await pid(of: id))) }
        return SessionList(sessions: sessions, silent: silent)
    }

    /// The statuses, the oldest session's first, and the ids of those that do not answer.
    private func answers(
        patience: Duration, isTemplate: Bool = false
    ) async -> (sessions: [SessionStatus], silent: [String]) {
        let end = ContinuousClock.now + patience
        return await withTaskGroup(of: (id: String, status: SessionStatus?)?.self) { group in
            for id in ids() {
                group.addTask {
                    while true {
                        let directory = SessionDirectory(id: id, places: self.places)
                        // One that refuses or cannot be asked does not answer either.
                        if let status = try? await self.ask(ControlRequest(command: .status), directory)?.status {
                            return (id, status)
                        }
                        guard directory.isAlive else { return nil }
                        if ContinuousClock.now >= end { return (id, nil) }
                        // Cancelled: asked once more at most.
                        try? await Task.sleep(for: .milliseconds(100))
                    }
                }
            }
            var (sessions, silent): ([SessionStatus], [String]) = ([], [])
            for await answer in group {
                guard let answer else { continue }
                if let status = answer.status {
                    if (status.purpose != nil) == isTemplate { sessions.append(status) }
                } else {
                    silent.append(answer.id)
                }
            }
            return (sessions.sorted { ($0.started, $0.id) < ($1.started, $1.id) }, silent)
        }
    }

    /// On a thread of its own, because all processes are looked at.
    private func pid(of id: String) async -> Int32? {
        let directory = SessionDirectory(id: id, places: places)
        // Without a thread it stays unknown; that the session is silent is reported all the same.
        return try? await WorkerThread.run(name: "process") { directory.process }
    }

    /// Ends the process of a session that does not answer. Its guest ends with it, and what is left of both is removed.
    ///
    /// Waits for the guest's end, ten seconds at most.
    /// - Returns: the process; nil when none was found.
    package func kill(_ directory: SessionDirectory) -> Int32? {
        guard let pid = directory.process, Signal.kill.send(to: pid) else { return nil }
        // libvirt ends the guest when it notices that the process is gone; until then the mount is in use.
        for _ in 0..<100 {
            if !directory.isAlive { clearStale() }
            // What cannot be looked at is waited for like one that is there.
            if (try? Paths.isThere(directory.path)) == false { break }
            MonotonicClock.pause(milliseconds: 100)
        }
        return pid
    }

    /// Sends one command to a session and waits for the answer.
    /// - Parameter patience: how long to keep trying while the session does not answer: it may be starting or ending.
    /// - Throws: ``BootError/noSuchSession(_:near:)``, ``BootError/sessionSilent(_:pid:)``, ``BootError/refused(session:reason:)``.
    package func send(
        _ command: ControlCommand, cells: Int? = nil, size: PictureSize? = nil, to id: String,
        patience: Duration = .zero
    ) async throws -> ControlResponse {
        try await send(ControlRequest(command: command, cells: cells, size: size), to: id, patience: patience)
    }

    /// As ``send(_:cells:to:patience:)``.
    package func send(
        _ request: ControlRequest, to id: String, patience: Duration = .zero
    ) async throws -> ControlResponse {
        let directory = try directory(of: id)
        let end = ContinuousClock.now + patience
        while true {
            if let response = try await ask(request, directory) { return response }
            guard ContinuousClock.now < end, directory.isAlive else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw BootError.sessionSilent(id, pid: await pid(of: directory.id))
    }

    /// - Returns: nil when the session does not answer.
    private func ask(
        _ request: ControlRequest, _ directory: SessionDirectory
    ) async throws -> ControlResponse? {
        let path = directory.control
        let response = try await WorkerThread.run(name: "control call") { () throws -> ControlResponse? in
            // Whatever fails, the session does not answer.
            guard let connection = try? UnixListener.connect(to: path, timeout: 5) else { return nil }
            // As above.
            try? LineSocket.send(request, to: connection)
            // As above.
            return try? LineSocket.receive(ControlResponse.self, from: connection)
        }
        if let refusal = response?.refusal { throw BootError.refused(session: directory.id, reason: refusal) }
        return response
    }

    /// The folder of a living session, by its id or an unambiguous beginning of it.
    /// - Throws: ``BootError/noSuchSession(_:near:)``.
    package func directory(of id: String) throws(BootError) -> SessionDirectory {
        let ids = ids()
        let matches = ids.contains(id) ? [id] : ids.filter { !id.isEmpty && $0.hasPrefix(id) }
        guard matches.count == 1 else { throw .noSuchSession(id, near: matches.isEmpty ? ids : matches) }
        return SessionDirectory(id: matches[0], places: places)
    }

    /// Removes mounts, overlays, folders and control groups of sessions whose process died before it could (kill -9, power cut).
    ///
    /// Waits for the disk, and for seconds if a mount's server hangs.
    package func clearStale() {
        for sessions in places.trustedSessions {
            // Best effort: what is not seen now is removed at the next start.
            for id in Folder.namesIfAny(in: sessions).filter(SessionID.isValid) {
                let directory = SessionDirectory(id: id, places: places)
                directory.ifDead {
                    // As long as somebody is left in it, the record must stay.
                    guard SessionBounds.clear(record: directory.bounds, name: directory.domainName) else { return }
                    // What is still in use is tried again at the next start.
                    _ = try? StaleMounts.clear(under: directory.path)
                    directory.removeDisk()
                    directory.clearExchange()
                    // As above.
                    try? Folder.removeTree(directory.path)
                }
            }
            clearUnfinished(in: sessions)
        }
        clearOldOverlays()
        clearOldExchanges()
        SuspendedLibrary(places: places).clearStale()
        MachineLibrary(places: places).clearStale()
        MachineExport.clearStale(places)
    }

    /// Folders whose process died in the milliseconds before it gave them their names.
    private func clearUnfinished(in sessions: String) {
        // Best effort, as above.
        for name in Folder.namesIfAny(in: sessions) where name.hasPrefix(".") {
            let path = "\(sessions)/\(name)"
            // What cannot be looked at or removed is tried again at the next start.
            guard SessionID.isValid(String(name.dropFirst())), let status = try? Paths.statusOfName(path) else {
                continue
            }
            // As above.
            if WallClock.seconds - status.modifiedSeconds > 60 { try? Folder.removeTree(path) }
        }
    }

    /// Overlays from before the machine's last start, which the runtime folder of their sessions did not survive.
    ///
    /// Younger ones may belong to sessions of this user's with another runtime folder.
    private func clearOldOverlays() {
        guard let start = MachineStart.seconds else { return }
        // Best effort; each is removed because of its own age.
        for name in Folder.namesIfAny(in: places.overlays) {
            let path = "\(places.overlays)/\(name)"
            let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, SessionID.isValid(String(parts[0])), ["qcow2", "fd", "layers"].contains(parts[1]),
                // What cannot be looked at is tried again at the next start.
                let status = try? Paths.statusOfName(path), status.modifiedSeconds < start
            else { continue }
            // The same for what cannot be removed.
            try? Folder.removeTree(path)
        }
    }

    /// As ``clearOldOverlays()``, for exchange folders; their time of modification is the guest's to set.
    private func clearOldExchanges() {
        guard let start = MachineStart.seconds else { return }
        // Best effort, as above.
        for name in Folder.namesIfAny(in: places.exchanges) {
            let id = String(name.prefix { $0 != "." })
            // What cannot be looked at is tried again at the next start.
            guard SessionID.isValid(id), let status = try? Paths.statusOfName("\(places.exchanges)/\(name)") else {
                continue
            }
            let directory = SessionDirectory(id: id, places: places)
            if status.changedNanoseconds / 1_000_000_000 < start, !directory.isAlive { directory.clearExchange() }
        }
    }

    /// Keeps the logs of the newest sessions and mounts that have ended, and of all sessions that live.
    /// - Parameter count: sessions; each has several logs.
    package func trimLogs(keeping count: Int = 20) {
        let alive = Set(ids())
        var ended: [String: (paths: [String], seconds: Int, nanoseconds: Int)] = [:]
        // Best effort: these are only logs.
        for name in Folder.namesIfAny(in: places.logs) {
            let id = String(name.prefix { $0 != "." })
            guard SessionID.isValid(id) || id.hasPrefix("mount-"), !alive.contains(id) else { continue }
            let path = "\(places.logs)/\(name)"
            // A log that cannot be looked at stays.
            guard let status = try? Paths.statusOfName(path) else { continue }
            var session = ended[id] ?? ([], 0, 0)
            session.paths.append(path)
            let time = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
            if time > (session.seconds, session.nanoseconds) { (session.seconds, session.nanoseconds) = time }
            ended[id] = session
        }
        let newestFirst = ended.values.sorted { ($0.seconds, $0.nanoseconds) > ($1.seconds, $1.nanoseconds) }
        for path in newestFirst.dropFirst(count).flatMap(\.paths) { Paths.removeIfPossible(path) }
    }
}
