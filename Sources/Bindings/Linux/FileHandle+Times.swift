import CLinux
import Glibc

extension FileHandle {
    /// Sets the file's modification time to now. What it cannot do (another's file, a read-only file system) it leaves.
    package func touch() {
        futimens(descriptor, nil)
    }

    /// Whether a name still leads to the file; one that was removed lives on only in its open descriptors.
    package var hasName: Bool {
        ((try? status())?.st_nlink ?? 0) > 0
    }
}
