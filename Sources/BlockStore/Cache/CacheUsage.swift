import Linux

/// The accounting that processes share, in `DIR/v1/usage`. A hint: the folder is the truth.
struct CacheUsage: Equatable {
    /// A walk through the folder is due after so many seconds, for what others put there or took.
    private static let recountAfter = 86_400

    /// Bytes of blocks, and those that processes have been granted and not yet written.
    var used = 0
    /// When the folder was walked last, seconds since 1970.
    var counted = 0
    /// Damaged blocks found since the cache was made.
    var repaired = 0

    init() {}

    init?(text: String) {
        let lines = text.split(separator: "\n")
        guard lines.count == 4, lines[0] == "oscircular-cache-usage 1", let used = Int(lines[1]),
            let counted = Int(lines[2]), let repaired = Int(lines[3]), used >= 0, repaired >= 0
        else { return nil }
        self.used = used
        self.counted = counted
        self.repaired = repaired
    }

    var text: String { "oscircular-cache-usage 1\n\(used)\n\(counted)\n\(repaired)\n" }

    /// False when nobody has counted, or in the future, or more than the file system holds.
    func isPossible(space: FileSystemSpace) -> Bool {
        counted > 0 && counted <= WallClock.seconds && used <= space.total
    }

    /// Whether it is time to count anew.
    var isOld: Bool { WallClock.seconds - counted >= CacheUsage.recountAfter }

    /// Nil when there is none, or what is there is none.
    /// - Throws: ``SystemCallError`` when it cannot be read.
    static func read(from root: Folder) throws(SystemCallError) -> CacheUsage? {
        do {
            return try root.readFile("usage", limit: 4096).flatMap(CacheUsage.init(text:))
        } catch  where error.number == .fileTooLarge {
            return nil
        }
    }

    func write(to root: Folder) throws(SystemCallError) {
        try root.writeFile("usage") { (file) throws(SystemCallError) in
            try text.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
    }
}

/// How many bytes of blocks a cache may keep.
package enum CacheLimit: Sendable, Equatable {
    /// min(20 GiB, half of what is used and free together); 5 % of the file system, at least 1 GiB, stay free.
    case automatic
    /// So many, whatever else is on the file system.
    case bytes(Int)

    /// The limit in bytes on this file system, with so much of it in the cache now.
    func bytes(used: Int, space: FileSystemSpace) -> Int {
        switch self {
        case .automatic: min(20 << 30, (used + space.available) / 2)
        case .bytes(let bytes): max(0, bytes)
        }
    }

    /// The limit, or what the file system has room for where that is less.
    func reachable(used: Int, space: FileSystemSpace) -> Int {
        min(bytes(used: used, space: space), max(0, used + space.available - reserve(space)))
    }

    /// Bytes of the file system that stay free.
    func reserve(_ space: FileSystemSpace) -> Int {
        switch self {
        case .automatic: max(space.total / 20, 1 << 30)
        case .bytes: 0
        }
    }
}
