import Glibc

/// Files by their paths, which may lead through links: they are the user's own.
package enum Paths {
    /// What a path leads to; nil when nothing is there.
    /// - Throws: ``SystemCallError`` of `stat`: then nobody knows whether something is there.
    package static func status(_ path: String) throws(SystemCallError) -> stat? {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.status(path) }
    }

    /// Whether a path leads to something.
    /// - Throws: ``SystemCallError`` of `stat`.
    package static func isThere(_ path: String) throws(SystemCallError) -> Bool { try status(path) != nil }

    /// - Throws: ``SystemCallError`` of `access` when this process may not write there, or nothing is there.
    package static func checkWritable(_ path: String) throws(SystemCallError) { try FileCalls.access(path, W_OK) }

    /// Removes a file or link.
    /// - Returns: false when there was none.
    /// - Throws: ``SystemCallError`` of `unlink`.
    @discardableResult
    package static func remove(_ path: String) throws(SystemCallError) -> Bool {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.unlink(path) } != nil
    }

    /// Removes a folder that is empty.
    /// - Returns: false when there was none.
    /// - Throws: ``SystemCallError`` of `rmdir`; ENOTEMPTY for one that is not empty.
    @discardableResult
    package static func removeFolder(_ path: String) throws(SystemCallError) -> Bool {
        try unlessAbsent { () throws(SystemCallError) in try FileCalls.rmdir(path) } != nil
    }

    /// Gives a file another name on the same file system, over a file that has it.
    /// - Throws: ``SystemCallError`` of `rename`.
    package static func rename(_ old: String, to new: String) throws(SystemCallError) {
        try FileCalls.rename(old, new)
    }

    /// Sets a file's times.
    /// - Parameter seconds: since 1970; nil is now.
    /// - Throws: ``SystemCallError`` of `utimensat`.
    package static func setTimes(_ path: String, seconds: Int? = nil) throws(SystemCallError) {
        try FileCalls.utimens(path, seconds: seconds)
    }

    private static func unlessAbsent<Result>(
        _ body: () throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result? {
        do throws(SystemCallError) {
            return try body()
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            return nil
        }
    }
}
