import Linux

/// Who runs the guest's instructions.
package enum Accelerator: String, Sendable, Codable {
    /// The processor (hardware virtualization).
    case kvm
    /// QEMU's own translator: works everywhere, ten times slower.
    case tcg

    /// libvirt's domain type.
    var domainType: String { self == .kvm ? "kvm" : "qemu" }
}

/// What the user wants, and how it is decided.
package enum AcceleratorChoice: String, Sendable, CaseIterable {
    case auto, kvm, tcg

    /// Looks at the machine.
    ///
    /// libvirt's own answer is not enough: its capabilities say kvm wherever /dev/kvm opens, also under an emulated host in
    /// which a guest then hangs. So the processor must show its flag, too.
    package func probe() -> (accelerator: Accelerator, reason: String) {
        if self == .tcg { return (.tcg, "software emulation, as asked") }
        let obstacle = obstacle()
        if let obstacle, self == .auto { return (.tcg, "software emulation (slow): \(obstacle)") }
        return (.kvm, obstacle ?? "hardware virtualization")
    }

    /// Why KVM cannot be used; nil when it can.
    func obstacle() -> String? {
        let device: FileHandle
        do {
            device = try FileHandle("/dev/kvm", for: .both)
        } catch {
            return "\(error)"
        }
        guard KernelVirtualMachine.apiVersion(of: device) == 12 else { return "/dev/kvm speaks another version" }
        #if arch(x86_64)
            let flags = Machine.processorFlags
            if !flags.contains("vmx") && !flags.contains("svm") { return "the processor shows neither vmx nor svm" }
        #endif
        return nil
    }
}

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
        let flags = Machine.processorFlags
        let name = Environment.user
        return Facts(
            exists: Paths.allows([], "/dev/kvm"), opens: Paths.allows([.reading, .writing], "/dev/kvm"),
            flag: ["vmx", "svm"].first(where: flags.contains), user: name,
            isMember: UserDatabase.isMember(name, of: "kvm"))
    }
}
