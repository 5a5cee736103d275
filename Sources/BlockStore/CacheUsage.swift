import Glibc
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
        counted > 0 && counted <= time(nil) && used <= space.total
    }

    /// Whether it is time to count anew.
    var isOld: Bool { time(nil) - counted >= CacheUsage.recountAfter }

    /// Nil when there is none, or what is there is none.
    /// - Throws: ``SystemCallError`` when it cannot be read.
    static func read(from root: Folder) throws(SystemCallError) -> CacheUsage? {
        do {
            return try root.readFile("usage", limit: 4096).flatMap(CacheUsage.init(text:))
        } catch  where error.code == EFBIG {
            return nil
        }
    }

    func write(to root: Folder) throws(SystemCallError) {
        try root.writeFile("usage") { (file) throws(SystemCallError) in
            try text.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
    }
}
