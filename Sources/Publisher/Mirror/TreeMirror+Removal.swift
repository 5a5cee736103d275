import Glibc

extension TreeMirror {
    /// Removes what the tree has not named for some days. Call it when the newest timestamp is published.
    /// - Parameters:
    ///   - used: the paths that the newest metadata leads to.
    ///   - days: how long a file stays after it was first seen unused.
    /// - Returns: how many files went.
    static func removeUnused(
        from destination: any MirrorDestination, used: Set<String>, days: Int, cancellation: Cancellation
    ) async throws -> Int {
        var present: [String] = []
        for folder in ["blocks/", "targets/", "metadata/"] {
            // Hidden names are a publisher's notes, others a file system's; roots are how readers of any age find the newest.
            present += try await destination.paths(below: folder).filter { path in
                !path.hasSuffix(".root.json")
                    && !path.split(separator: "/").contains {
                        $0.hasPrefix(".") || ForeignNames.contain($0)
                    }
            }
        }
        var record = try await UnusedFiles(of: destination)
        let expired = record.update(
            present: present, used: used, now: Int64(time(nil)), patience: Int64(days) * 86_400)
        // Written first: a run that is stopped meanwhile finds the rest unused again, and waits again.
        try await destination.write(Array(record.text.utf8), to: UnusedFiles.path)
        for path in expired {
            try cancellation.check()
            try await destination.remove(path)
        }
        return expired.count
    }
}
