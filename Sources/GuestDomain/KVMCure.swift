import Glibc
import Linux

/// The one command that lets this user's guests run in hardware, where there is one.
package enum KVMCure {
    /// What was seen of the machine.
    package struct Facts: Sendable {
        /// Whether /dev/kvm is there, and whether it opens for reading and writing.
        package var exists: Bool
        package var opens: Bool
        /// The processor's flag for it; nil where it shows none.
        package var flag: String?
        /// The login's name.
        package var user: String
        /// Whether the user database counts the user to the group kvm, which a login that began before does not know.
        package var isMember: Bool

        package init(exists: Bool, opens: Bool, flag: String?, user: String, isMember: Bool) {
            self.exists = exists
            self.opens = opens
            self.flag = flag
            self.user = user
            self.isMember = isMember
        }
    }

    /// - Returns: empty where no command helps: nothing is wrong, or only the machine's firmware setup could.
    package static func command(_ facts: Facts) -> String {
        guard let flag = facts.flag else { return "" }
        if !facts.exists { return "sudo modprobe \(flag == "vmx" ? "kvm_intel" : "kvm_amd")" }
        if facts.opens { return "" }
        if facts.isMember { return "log out and in again: \(facts.user) is in the group kvm since this login" }
        return "sudo usermod -a -G kvm \(facts.user), then log out and in again"
    }

    /// Of this machine and user.
    package static func current() -> Facts {
        let text = (try? FileContents.readText("/proc/cpuinfo", limit: 65_536)) ?? ""
        let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
        let name = Environment.user
        return Facts(
            exists: access("/dev/kvm", F_OK) == 0, opens: access("/dev/kvm", R_OK | W_OK) == 0,
            flag: ["vmx", "svm"].first { flags.contains(Substring($0)) }, user: name, isMember: isListed(name))
    }

    private static func isListed(_ user: String) -> Bool {
        guard let group = getgrnam("kvm"), var member = group.pointee.gr_mem else { return false }
        while let name = member.pointee {
            if String(cString: name) == user { return true }
            member += 1
        }
        return false
    }
}
