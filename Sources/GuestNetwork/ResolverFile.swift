import Linux

/// The resolvers that the machine asks, by resolv.conf(5). For one thread.
final class ResolverFile {
    /// Nanoseconds between two looks: where the kernel tells of changes, which it does not do of every file system, and where it does not.
    static let pauses: (told: UInt64, untold: UInt64) = (60_000_000_000, 3_000_000_000)
    /// Nanoseconds between two looks because of news: other files of the same folders change, too.
    static let shortestPause: UInt64 = 1_000_000_000

    private let path: String
    private var watch: NameWatch?
    private var watched: Set<String> = []
    private var lastLook: UInt64 = 0
    /// The servers' lines.
    private(set) var text = ""
    private(set) var nextLook: UInt64 = 0

    init(path: String = "/etc/resolv.conf") {
        self.path = path
        _ = hasChanged(at: MonotonicClock.nanoseconds)
    }

    /// For poll; readable when it may have changed. Nil where nobody tells of that.
    var descriptor: Int32? { watch?.descriptor }

    /// Something happened near it: the next look comes soon.
    func takeNews(at now: UInt64) {
        if watch?.clear() != true { watch = nil }
        nextLook = min(nextLook, max(now, lastLook + Self.shortestPause))
    }

    /// Looks, if it is time.
    func hasChanged(at now: UInt64) -> Bool {
        guard now >= nextLook else { return false }
        // Before it is read: what is written afterwards is told of.
        follow()
        lastLook = now
        nextLook = now + (watch == nil ? Self.pauses.untold : Self.pauses.told)
        // Without the file there is no resolver.
        let whole = (try? FileContents.readText(path, limit: 65_536)) ?? ""
        let lines = whole.split(separator: "\n").filter { $0.hasPrefix("nameserver") && $0.utf8.count < 80 }.prefix(8)
        let new = lines.map { "\($0)\n" }.joined()
        defer { text = new }
        return new != text
    }

    /// Watches the folder of the file, and that of the one that it leads to.
    private func follow() {
        let folders = Set(
            [path, ResolvedPath.resolve(path)].map { "\($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)])/" })
        guard watch == nil || folders != watched else { return }
        // Where there is no such folder, or no watch to be had, the file is looked at more often.
        watch = try? NameWatch(folders: folders)
        watched = folders
    }
}
