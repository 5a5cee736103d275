import CLinux
import Glibc

/// Landlock (landlock(7)): a process takes from itself the use of files and of ports, for good.
package enum Landlock {
    /// What the kernel offers: 0 without Landlock; ports since 4, abstract sockets and signals since 6.
    package static var version: Int { max(0, Int(osc_landlock_version())) }

    /// From now on no file is opened, made or removed but those that may be read, no TCP port is taken but a free one that the kernel
    /// chooses, and no abstract socket and no process outside is reached. What is open stays open; as far as this kernel's ``version`` goes.
    /// - Parameter readable: files, or folders with all that they hold; those that are not there are left out.
    /// - Throws: ``SystemCallError``.
    package static func restrict(toReading readable: [String]) throws(SystemCallError) {
        let version = version
        guard version > 0 else { return }
        // The kernel asks for it first.
        try systemCall("prctl") { osc_prctl(PR_SET_NO_NEW_PRIVS, 1) }
        // Each version knows more ways to use files: 13, then moving between folders, cutting, ioctl.
        let known = [13, 14, 15, 15, 16][min(version, 5) - 1]
        var rules = osc_landlock_ruleset(
            files: (1 << known) - 1, network: version >= 4 ? bindPort : 0, scoped: version >= 6 ? 3 : 0)
        let size = version >= 6 ? 24 : version >= 4 ? 16 : 8
        let ruleset = FileHandle(
            owning: try systemCall("landlock_create_ruleset") { osc_landlock_create(&rules, size) })
        for path in readable {
            let descriptor = open(path, osc_O_PATH | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            let file = FileHandle(owning: descriptor)
            var rule = osc_landlock_beneath(allowed: readFile, folder: file.descriptor)
            try systemCall("landlock_add_rule", path) { osc_landlock_allow(ruleset.descriptor, &rule) }
        }
        if version >= 4 {
            // Port 0 is any free one.
            var rule = osc_landlock_port(allowed: bindPort, port: 0)
            try systemCall("landlock_add_rule") { osc_landlock_allow_port(ruleset.descriptor, &rule) }
        }
        try systemCall("landlock_restrict_self") { osc_landlock_restrict(ruleset.descriptor) }
    }

    // LANDLOCK_ACCESS_FS_READ_FILE and LANDLOCK_ACCESS_NET_BIND_TCP of linux/landlock.h.
    private static let readFile: UInt64 = 1 << 2
    private static let bindPort: UInt64 = 1 << 0
}
