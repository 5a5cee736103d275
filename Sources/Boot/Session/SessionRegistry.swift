import Glibc
import ImageMount
import Linux

/// The sessions of this user: those that run, and what dead ones left behind.
package struct SessionRegistry: Sendable {
    private let places: Places

    package init(places: Places) { self.places = places }

    /// Ids of sessions whose process lives.
    package func ids() -> [String] {
        // A folder that somebody else could have filled says nothing about our sessions.
        guard places.isRuntimeOurs else { return [] }
        // For what is shown and stopped; who clears up takes each session's own lock.
        return Folder.namesIfAny(in: places.sessions).filter(SessionID.isValid).sorted().filter {
            SessionDirectory(id: $0, places: places).isAlive
        }
    }

    /// What every living session says of itself. Those that do not answer in time are left out.
    package func statuses() async -> [SessionStatus] { await answers(patience: .zero).sessions }

    /// What every living session says of itself, and which ones say nothing.
    /// - Parameter patience: how long a session that has no socket yet, or none any more, may take: it starts or ends.
    package func survey(patience: Duration) async -> SessionList {
        let (sessions, ids) = await answers(patience: patience)
        var silent: [SilentSession] = []
        for id in ids.sorted() { silent.append(SilentSession(id: id, pid: await pid(of: id))) }
        return SessionList(sessions: sessions, silent: silent)
    }

    /// The statuses, the oldest session's first, and the ids of those that say nothing.
    private func answers(patience: Duration) async -> (sessions: [SessionStatus], silent: [String]) {
        let end = ContinuousClock.now + patience
        return await withTaskGroup(of: (id: String, status: SessionStatus?)?.self) { group in
            for id in ids() {
                group.addTask {
                    while true {
                        let directory = SessionDirectory(id: id, places: self.places)
                        // One that refuses or cannot be asked says nothing either.
                        if let status = try? await self.ask(.status, directory)?.status { return (id, status) }
                        guard directory.isAlive else { return nil }
                        if ContinuousClock.now >= end { return (id, nil) }
                        try? await Task.sleep(for: .milliseconds(100))
                    }
                }
            }
            var (sessions, silent): ([SessionStatus], [String]) = ([], [])
            for await answer in group {
                guard let answer else { continue }
                if let status = answer.status {
                    sessions.append(status)
                } else {
                    silent.append(answer.id)
                }
            }
            return (sessions.sorted { ($0.started, $0.id) < ($1.started, $1.id) }, silent)
        }
    }

    /// On a thread of its own: all processes are looked at.
    private func pid(of id: String) async -> Int32? {
        let directory = SessionDirectory(id: id, places: places)
        // Without a thread it is not found out; that the session is silent is told all the same.
        return try? await WorkerThread.run(name: "process") { directory.process }
    }

    /// Ends the process of a session that does not answer. Its guest ends with it, and what it leaves is cleared away.
    ///
    /// Blocks, for seconds when the guest takes its time.
    /// - Returns: the process; nil when there is none to be found.
    package func kill(_ directory: SessionDirectory) -> Int32? {
        guard let pid = directory.process, Glibc.kill(pid, SIGKILL) == 0 else { return nil }
        // libvirt ends the guest when it sees the process gone, and until then the mount is in use.
        for _ in 0..<100 {
            if !directory.isAlive { clearStale() }
            if access(directory.path, F_OK) != 0 { break }
            usleep(100_000)
        }
        return pid
    }

    /// Sends one command to a session and waits for the answer.
    /// - Parameter patience: how long it is tried again while the session has no socket: it starts or ends.
    /// - Throws: ``BootError/noSuchSession(_:near:)``, ``BootError/sessionSilent(_:pid:)``, ``BootError/refused(session:reason:)``.
    package func send(
        _ command: ControlCommand, cells: Int? = nil, to id: String, patience: Duration = .zero
    ) async throws -> ControlResponse {
        let directory = try directory(of: id)
        let end = ContinuousClock.now + patience
        while true {
            if let response = try await ask(command, cells: cells, directory) { return response }
            guard ContinuousClock.now < end, directory.isAlive, access(directory.control, F_OK) != 0 else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw BootError.sessionSilent(id, pid: await pid(of: directory.id))
    }

    /// - Returns: nil when the session says nothing.
    private func ask(
        _ command: ControlCommand, cells: Int? = nil, _ directory: SessionDirectory
    ) async throws -> ControlResponse? {
        let path = directory.control
        let response = try await WorkerThread.run(name: "control call") { () throws -> ControlResponse? in
            guard let connection = try? UnixListener.connect(to: path, timeout: 5) else { return nil }
            try? LineSocket.send(ControlRequest(command: command, cells: cells), to: connection)
            return try? LineSocket.receive(ControlResponse.self, from: connection)
        }
        if let refusal = response?.refusal { throw BootError.refused(session: directory.id, reason: refusal) }
        return response
    }

    /// The folder of a living session; an unambiguous beginning of its id will do.
    /// - Throws: ``BootError/noSuchSession(_:near:)``.
    package func directory(of id: String) throws(BootError) -> SessionDirectory {
        let ids = ids()
        let matches = ids.contains(id) ? [id] : ids.filter { !id.isEmpty && $0.hasPrefix(id) }
        guard matches.count == 1 else { throw .noSuchSession(id, near: matches.isEmpty ? ids : matches) }
        return SessionDirectory(id: matches[0], places: places)
    }

    /// Clears mounts, overlays and folders of sessions whose process died without doing so itself (kill -9, power cut).
    ///
    /// Blocks, for seconds when a mount's server hangs.
    package func clearStale() {
        if places.isRuntimeOurs {
            // As far as can be: what is not seen now is cleared at the next start.
            for id in Folder.namesIfAny(in: places.sessions).filter(SessionID.isValid) {
                let directory = SessionDirectory(id: id, places: places)
                directory.ifDead {
                    // What is still busy is tried again at the next start.
                    _ = try? StaleMounts.clear(under: directory.path)
                    unlink(directory.overlay)
                    try? Folder.removeTree(directory.path)
                }
            }
            clearUnfinished()
        }
        clearOldOverlays()
    }

    /// Folders whose maker died before it gave them their name, which takes it milliseconds.
    private func clearUnfinished() {
        // As far as can be, as above.
        for name in Folder.namesIfAny(in: places.sessions) where name.hasPrefix(".") {
            let path = "\(places.sessions)/\(name)"
            var status = stat()
            guard SessionID.isValid(String(name.dropFirst())), lstat(path, &status) == 0 else { continue }
            if time(nil) - status.st_mtim.tv_sec > 60 { try? Folder.removeTree(path) }
        }
    }

    /// Overlays from before the machine's last start: the runtime folder of their sessions did not survive it.
    ///
    /// Younger ones may belong to sessions of this user's with another runtime folder.
    private func clearOldOverlays() {
        guard let start = MachineStart.seconds else { return }
        // As far as can be; each goes for its own age.
        for name in Folder.namesIfAny(in: places.overlays) where name.hasSuffix(".qcow2") {
            let path = "\(places.overlays)/\(name)"
            var status = stat()
            guard SessionID.isValid(String(name.dropLast(6))), lstat(path, &status) == 0 else { continue }
            if status.st_mtim.tv_sec < start { unlink(path) }
        }
    }

    /// Keeps the logs of the newest sessions and mounts that have ended, and of all sessions that live.
    /// - Parameter count: sessions; each has several logs.
    package func trimLogs(keeping count: Int = 20) {
        let alive = Set(ids())
        var ended: [String: (paths: [String], seconds: Int, nanoseconds: Int)] = [:]
        // As far as can be: logs alone.
        for name in Folder.namesIfAny(in: places.logs) {
            let id = String(name.prefix { $0 != "." })
            guard SessionID.isValid(id) || id.hasPrefix("mount-"), !alive.contains(id) else { continue }
            var status = stat()
            let path = "\(places.logs)/\(name)"
            guard lstat(path, &status) == 0 else { continue }
            var session = ended[id] ?? ([], 0, 0)
            session.paths.append(path)
            let time = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
            if time > (session.seconds, session.nanoseconds) { (session.seconds, session.nanoseconds) = time }
            ended[id] = session
        }
        let newestFirst = ended.values.sorted { ($0.seconds, $0.nanoseconds) > ($1.seconds, $1.nanoseconds) }
        for path in newestFirst.dropFirst(count).flatMap(\.paths) { unlink(path) }
    }
}
