import CLinux

/// Which process gets a processor that several want.
package enum ProcessPriority {
    /// The lowest of nice(2).
    private static let lowest: Int32 = 19

    /// Lets a process, with all its threads and what they start, have what the others leave. Best effort: where it cannot be done, as for
    /// another user's process, it runs like any other.
    package static func lower(_ process: ProcessID) {
        // A thread that has just ended needs none.
        for thread in Folder.namesIfAny(in: "/proc/\(process)/task").compactMap({ ProcessID($0) }) {
            _ = osc_set_niceness(thread, lowest)
        }
        // Where the kernel shares processors between sessions (sched(7), autogroup), a thread's own number counts in its session alone.
        let path = "/proc/\(process)/autogroup"
        // The doc comment's reason; and most kernels' sessions are not shared like this.
        guard let file = try? FileHandle(path, for: .writing, .refuseLink) else { return }
        // The same.
        try? "\(lowest)\n".withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
    }
}
