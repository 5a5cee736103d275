import Catalog
import Glibc
import ImageIndex
import Linux

/// Boots a published version headless, as a reader with nothing here would, and tells which blocks its start touched.
///
/// The client itself does it, in folders of its own: what is recorded is what readers' clients will ask for.
package struct BootRecording: Sendable {
    /// `oscircular`, by path or by name.
    private let client: String
    /// Starts to record: each touches a little more, for guests have timers and read ahead.
    private let rounds: Int
    /// For `oscircular boot --memory`; nil means the catalog's advice.
    private let memoryMiB: Int?
    private let accelerator: String?
    /// Seconds that one start may take before the recording fails.
    private let longest: Int

    package init(
        client: String, rounds: Int = 2, memoryMiB: Int? = nil, accelerator: String? = nil, longest: Int = 600
    ) {
        self.client = client
        self.rounds = max(1, rounds)
        self.memoryMiB = memoryMiB
        self.accelerator = accelerator
        self.longest = longest
    }

    /// Blocks for as long as the guest takes to start, once a round.
    /// - Parameter tree: the tree's folder.
    /// - Throws: ``PublisherError``: `recordingFailed` when the guest did not start.
    package func record(
        tree: String, distribution: String, version: VersionID, cancellation: Cancellation
    ) throws(PublisherError) -> BootSet {
        let folder = try RecordingFolder()
        defer { folder.remove() }
        let name = "tree/\(distribution)@\(version)"
        try run(
            ["catalog", "add", "tree", absolute(tree), "--root", "\(absolute(tree))/metadata/1.root.json"], folder,
            cancellation)
        var boot = ["boot", name, "--detach", "--display", "none", "--network", "none"]
        if let memoryMiB { boot += ["--memory", "\(memoryMiB)"] }
        if let accelerator { boot += ["--accel", accelerator] }
        var recorded: BootSet?
        for _ in 0..<rounds {
            let session = try run(boot, folder, cancellation)
            let path = folder.bootSet(distribution, version)
            let before = recorded
            let result = Result { () throws(PublisherError) in try wait(for: path, since: before, cancellation) }
            // In every case: nobody else knows of this guest.
            _ = try? ChildProgram.run(client, ["stop", session, "--force"], environment: folder.environment)
            recorded = try result.get()
        }
        return recorded ?? BootSet([])
    }

    /// The start is over when the client has written what it touched: a file that was not there, or is another than before.
    private func wait(
        for path: String, since before: BootSet?, _ cancellation: Cancellation
    ) throws(PublisherError) -> BootSet {
        var identity = stat()
        let known = before != nil && stat(path, &identity) == 0 ? identity.st_ino : 0
        for _ in 0..<(longest * 5) {
            try cancellation.check()
            usleep(200_000)
            var now = stat()
            if stat(path, &now) == 0, now.st_ino != known, let bootSet = try? BootSet(path: path) { return bootSet }
        }
        throw .recordingFailed(reason: "the guest's disk did not come to rest within \(longest) seconds")
    }

    private func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    @discardableResult
    private func run(
        _ arguments: [String], _ folder: RecordingFolder, _ cancellation: Cancellation
    ) throws(PublisherError) -> String {
        let ended: ChildProgram.Ended
        do throws(PublisherError) {
            ended = try ChildProgram.run(
                client, arguments, environment: folder.environment, cancellation: cancellation)
        } catch {
            guard case .programMissing = error else { throw error }
            throw .recordingFailed(reason: "\(client) is not installed")
        }
        guard ended.status == 0 else {
            let words = String(decoding: ended.errors, as: UTF8.self).split(separator: "\n").last.map(String.init)
            throw .recordingFailed(reason: words ?? "\(client) ended with \(ended.status)")
        }
        return String(decoding: ended.output, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
    }
}
