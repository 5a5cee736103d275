import Glibc

/// Where programs are.
package enum ProgramPath {
    /// The first executable of this name in PATH, then in the system folders that a user's PATH lacks.
    package static func find(_ name: String) -> String? {
        let path = Environment.value("PATH") ?? "/usr/bin:/bin"
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/libexec"]
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }
}
