import FUSE
import Linux
import Synchronization

/// Mounts that a dead process left behind: "Transport endpoint is not connected".
package enum StaleMounts {
    /// The type of our mounts in the kernel's table.
    static let fileSystem = "fuse.oscircular"

    /// Detaches every stale mount of ours at or below a folder. Living ones are left alone.
    /// - Returns: the mount points that were cleared.
    /// - Throws: ``ImageMountError/unmountFailed(cause:)`` for the first that could not be; the others are cleared all the same.
    @discardableResult
    package static func clear(under directory: String) throws(ImageMountError) -> [String] {
        // Nothing is mounted below a path that leads nowhere.
        guard let resolved = try? resolved(directory) else { return [] }
        let prefix = resolved == "/" ? "/" : resolved + "/"
        var cleared: [String] = []
        var failure: MountError?
        // The last mounted first: they may lie upon each other.
        for entry in ours().reversed() where entry.mountPoint == resolved || entry.mountPoint.hasPrefix(prefix) {
            guard isDead(entry.mountPoint) else { continue }
            do {
                try Mountpoint(entry.mountPoint).detach()
                cleared.append(entry.mountPoint)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw ImageMountError(failure) }
        return cleared
    }

    /// Whether a mount of ours is at this path and nobody serves it any more.
    package static func isStale(_ path: String) -> Bool {
        // A path that leads nowhere is not a mount.
        guard let resolved = try? resolved(path) else { return false }
        return ours().contains { $0.mountPoint == resolved } && isDead(resolved)
    }

    /// Detaches stale mounts at this very folder, however many lie upon each other.
    static func clear(at path: String) throws(ImageMountError) {
        // As above.
        while isStale(path), let resolved = try? resolved(path) {
            do {
                try Mountpoint(resolved).detach()
            } catch {
                throw ImageMountError(error)
            }
        }
    }

    /// The path as the kernel's table has it. A stale mount itself cannot be resolved, so only its parent is.
    static func resolved(_ path: String) throws(SystemCallError) -> String {
        do {
            return try ResolvedPath.real(path)
        } catch {
            guard isDead(error), let resolved = resolvedByParent(path) else { throw error }
            return resolved
        }
    }

    /// Nobody serves a mount.
    private static func isDead(_ error: SystemCallError) -> Bool {
        error.number == .notConnected || error.number == .connectionAborted
    }

    /// Nil when the parent cannot be resolved either.
    private static func resolvedByParent(_ path: String) -> String? {
        var name = Substring(path)
        while name.count > 1, name.last == "/" { name.removeLast() }
        let slash = name.lastIndex(of: "/")
        let parent = slash.map { name[...$0] } ?? "."
        guard let resolved = ResolvedPath.existing(String(parent)) else { return nil }
        let last = slash.map { name[name.index(after: $0)...] } ?? name
        return resolved == "/" ? "/\(last)" : "\(resolved)/\(last)"
    }

    private static func ours() -> [MountTable.Entry] {
        // Without /proc nothing can be cleared; mounting says what is in its way.
        ((try? MountTable.entries()) ?? []).filter { $0.fileSystem == fileSystem }
    }

    /// Asks for the file system's figures: unlike attributes, which the kernel keeps for a day, they are never cached.
    ///
    /// The question is put on a thread of its own: a stopped process would hold it for ever, and counts as alive.
    private static func isDead(_ mountPoint: String) -> Bool {
        let answer = Answer()
        // Without a thread it counts as alive.
        let thread: Void? = try? WorkerThread.start(name: "osc-stale") {
            do throws(SystemCallError) {
                _ = try FileSystemSpace(ofPath: mountPoint)
                answer.value.store(Answer.alive, ordering: .releasing)
            } catch {
                answer.value.store(isDead(error) ? Answer.dead : Answer.alive, ordering: .releasing)
            }
        }
        guard thread != nil else { return false }
        let end = MonotonicClock.nanoseconds + 2_000_000_000
        while answer.value.load(ordering: .acquiring) == Answer.none, MonotonicClock.nanoseconds < end {
            MonotonicClock.pause(microseconds: 200)
        }
        return answer.value.load(ordering: .acquiring) == Answer.dead
    }

    private final class Answer: Sendable {
        static let none = 0
        static let alive = 1
        static let dead = 2
        let value = Atomic(none)
    }
}
