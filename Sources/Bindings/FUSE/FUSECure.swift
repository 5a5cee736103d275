import Glibc
import Linux

/// The one command that lets this user mount, where there is one.
package enum FUSECure {
    /// What was seen of the machine.
    package struct Facts: Sendable {
        /// Why /dev/fuse did not open: the error's number; nil when it did.
        package var failure: Int32?
        /// Owner's group of /dev/fuse where that may use it and others may not; nil otherwise.
        package var group: String?
        /// The login's name.
        package var user: String
        package var isRoot: Bool
        /// Whether fusermount3 is there, which users other than root mount with.
        package var hasHelper: Bool

        package init(failure: Int32?, group: String?, user: String, isRoot: Bool, hasHelper: Bool) {
            self.failure = failure
            self.group = group
            self.user = user
            self.isRoot = isRoot
            self.hasHelper = hasHelper
        }
    }

    /// The Debian package of fusermount3.
    package static let helperPackage = "fuse3"

    /// - Returns: empty where nothing is wrong, or no command helps.
    package static func command(_ facts: Facts) -> String {
        let sudo = facts.isRoot ? "" : "sudo "
        let container = "give this container the device, such as with --device /dev/fuse"
        switch facts.failure {
        case nil: return facts.isRoot || facts.hasHelper ? "" : "\(sudo)apt install \(helperPackage)"
        // The device's file may be there without its driver.
        case ENOENT, ENXIO, ENODEV: return "\(sudo)modprobe fuse"
        // Only a container keeps the device from root, and whatever its mode is.
        case EPERM: return container
        case EACCES where facts.isRoot: return container
        case EACCES:
            guard let group = facts.group else { return "sudo chmod 0666 /dev/fuse" }
            return "sudo usermod -a -G \(group) \(facts.user), then log out and in again"
        // Such as too many open files: nothing is wrong with the device.
        default: return ""
        }
    }

    /// What fusermount3 reads before it shows a user's mount to others.
    package static let configuration = "/etc/fuse.conf"

    /// Whether this user may show a mount to others. Where the file cannot be read fusermount3 decides, which can.
    package static func mayShowToOthers(_ path: String = configuration, isRoot: Bool = geteuid() == 0) -> Bool {
        if isRoot { return true }
        do throws(SystemCallError) {
            // As fusermount3 reads it.
            return try FileContents.readText(path, limit: 65_536).split(whereSeparator: \.isNewline).contains { line in
                let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
                return words == ["user_allow_other"]
            }
        } catch {
            return error.number != .noSuchFile
        }
    }

    /// Of this machine and user.
    package static func current() -> Facts {
        var failure: Int32?
        do throws(SystemCallError) { _ = try FileHandle(path: "/dev/fuse", flags: O_RDWR) } catch {
            failure = error.code
        }
        return Facts(
            failure: failure, group: group(), user: Environment.user, isRoot: geteuid() == 0,
            hasHelper: ProgramPath.find("fusermount3") != nil)
    }

    private static func group() -> String? {
        var status = stat()
        guard stat("/dev/fuse", &status) == 0, status.st_mode & 0o066 == 0o060, status.st_gid != 0 else { return nil }
        return getgrgid(status.st_gid).map { String(cString: $0.pointee.gr_name) }
    }
}
