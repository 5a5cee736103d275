import FoundationEssentials
import Linux

/// A guest that was stopped because its version did not come up, and what boots in its place.
package struct Rollback: Codable, Sendable, Equatable {
    /// The session that was stopped.
    package var session: String
    /// Its system and version, and what was wrong with it: `did not reach its login within 200 seconds`.
    package var distribution: String
    package var version: String
    package var reason: String
    /// What the guest said on its console.
    package var log: String
    /// The session that follows, and its version.
    package var successor: String
    package var instead: String
    /// The home of both, and the backup of it from before the version's first start; nil for none.
    package var home: String?
    package var backup: String?
    /// Whether it had started warm: then its own version boots, for what it started from may be to blame. Nil means no.
    package var startedWarm: Bool?

    /// As ``text``, where nothing boots in its place: somebody wanted no guest any more.
    var textAlone: String {
        "\(distribution)@\(version) \(reason) and is stopped. What the guest said is kept in \(log)"
    }

    /// What the user is told, one sentence after the other.
    package var text: String {
        var text =
            startedWarm == true
            ? "\(distribution)@\(version) \(reason) and is stopped; it had started from its warm state, so it boots in its own place, as "
                + "session \(successor)."
            : "\(distribution)@\(version) \(reason) and is stopped; \(distribution)@\(instead), the last one that came up here, boots in "
                + "its place as session \(successor)."
        if let home {
            text += " The home '\(home)' stays as it is now"
            text += backup.map { "; the backup \($0) has it as it was before." } ?? "."
        }
        return text + " What the guest said is kept in \(log)"
    }
}

extension SessionDirectory {
    /// What followed a session that was stopped for its health; nil where nothing did. Waits for the disk.
    package var rollback: Rollback? {
        // Where there is no file nothing was done.
        guard let bytes = try? FileContents.read(rollbackFile, limit: 1 << 16) else { return nil }
        // As above.
        guard let rollback = try? JSONDecoder().decode(Rollback.self, from: Data(bytes)),
            SessionID.isValid(rollback.successor)
        else { return nil }
        return rollback
    }

    /// - Throws: ``SystemCallError``.
    func write(_ rollback: Rollback) throws(SystemCallError) {
        // It is made of texts, which can always be written.
        guard let bytes = try? JSONEncoder().encode(rollback) else { return }
        try AtomicFile.write(Array(bytes), to: rollbackFile, mode: 0o600)
    }

    /// Logs of versions that did not come up, besides those of the latest sessions.
    private static let unhealthyLogs = 20
    private static let unhealthyMark = "unhealthy-"

    /// Gives the console's log a name that stays when other sessions' logs go.
    /// - Returns: that name; the log's own where it could not be had.
    func keepLog(of key: VersionKey) -> String {
        let folder = String(log[..<(log.lastIndex(of: "/") ?? log.startIndex)])
        let path = "\(folder)/\(SessionDirectory.unhealthyMark)\(key.catalog)-\(key.distribution)@\(key.version).log"
        do throws(SystemCallError) {
            // That of an earlier try.
            _ = try Paths.remove(path)
            try Paths.addName(path, of: log)
        } catch {
            return log
        }
        let others = Folder.namesIfAny(in: folder).filter { $0.hasPrefix(SessionDirectory.unhealthyMark) }
            .map { (path: "\(folder)/\($0)", time: SessionDirectory.time(of: "\(folder)/\($0)")) }
            .filter { $0.path != path }
        for old in others.sorted(by: { $0.time > $1.time }).dropFirst(SessionDirectory.unhealthyLogs - 1) {
            Paths.removeIfPossible(old.path)
        }
        return path
    }

    private static func time(of path: String) -> Int {
        // One that cannot be looked at is the first to go.
        (try? Paths.statusOfName(path))?.modifiedSeconds ?? 0
    }
}
