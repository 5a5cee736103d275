import Linux

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
