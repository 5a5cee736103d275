import Glibc
import Linux

/// Where the programs of 2009 kept their blocks, for root.
enum LegacyCache {
    private static let path = "/var/tmp/blocks"

    /// The folder, made when it is absent; nil for other users, and where it is not root's alone: /var/tmp is everybody's.
    /// - Parameter complain: is told why it is not used.
    static func find(_ complain: (String) -> Void) -> String? {
        guard geteuid() == 0 else { return nil }
        mkdir(path, 0o755)
        var status = stat()
        guard lstat(path, &status) == 0 else {
            complain("\(path) cannot be used as the cache: \(SystemCallError.last("lstat").message)")
            return nil
        }
        // lstat: a link is no folder.
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == 0, status.st_mode & 0o022 == 0 else {
            complain("\(path) is not used as the cache: it is not a folder that only root can write")
            return nil
        }
        return path
    }
}
