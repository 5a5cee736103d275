import Catalog
import ImageIndex
import Linux

/// What the start of a version read.
package struct RecordedStart: Sendable, Equatable {
    package let bootSet: BootSet
    /// nil where the client is one that does not record pages.
    package let pages: BootPages?

    package init(bootSet: BootSet, pages: BootPages?) { (self.bootSet, self.pages) = (bootSet, pages) }
}

/// Boots a published version headless, as a reader with an empty cache would, and tells which blocks and pages its start read.
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

    /// Waits for the guest to start, once a round.
    /// - Parameters:
    ///   - tree: the tree's folder.
    ///   - source: the vendor's file that the version's bytes come from; nil where the tree has its blocks.
    ///   - hasPacks: whether it was recorded before, and has boot packs.
    /// - Throws: ``PublisherError``: `recordingFailed` when the guest did not start.
    package func record(
        tree: String, distribution: String, version: VersionID, source: VersionSource? = nil, hasPacks: Bool = false,
        cancellation: Cancellation
    ) throws(PublisherError) -> RecordedStart {
        let folder = try ClientFolder(
            client: client, servers: ClientFolder.servers(of: source), hasPacks: hasPacks,
            settings: ["[warm]", "use = \"never\"", "make = \"never\""])
        defer { folder.remove() }
        let name = "tree/\(distribution)@\(version)"
        try folder.follow(tree, cancellation)
        var boot = ["boot", name, "--detach", "--display", "none", "--network", "none", "--cold"]
        if let memoryMiB { boot += ["--memory", "\(memoryMiB)"] }
        if let accelerator { boot += ["--accel", accelerator] }
        var recorded: BootSet?
        for _ in 0..<rounds {
            let session = try folder.run(boot, cancellation)
            let path = folder.bootSet(distribution, version)
            let before = recorded
            let result = Result { () throws(PublisherError) in try wait(for: path, since: before, cancellation) }
            // In every case: nobody else knows of this guest. What came of the start counts, not whether it stops well.
            _ = try? ChildProgram.run(client, ["stop", session, "--force"], environment: folder.environment)
            recorded = try result.get()
        }
        // Written before the boot set. Of a client that records none there is none, and one that cannot be read costs the pack alone.
        let pages = try? BootPages(path: folder.pages(distribution, version))
        return RecordedStart(bootSet: recorded ?? BootSet([]), pages: pages)
    }

    /// The start is over when the client has written what it touched: a file that was not there, or is another than before.
    private func wait(
        for path: String, since before: BootSet?, _ cancellation: Cancellation
    ) throws(PublisherError) -> BootSet {
        func identity() -> FileIdentity? {
            // What cannot be seen now is looked for again, for as long as a start may take.
            (try? Paths.status(path)).map(\.identity)
        }
        let known = before == nil ? nil : identity()
        for _ in 0..<(longest * 5) {
            try cancellation.check()
            MonotonicClock.pause(milliseconds: 200)
            // Half written, or gone again: as above.
            if let now = identity(), now != known, let bootSet = try? BootSet(path: path) { return bootSet }
        }
        throw .recordingFailed(reason: "the guest's disk did not become idle within \(longest) seconds")
    }
}
