import Glibc
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
            device = try FileHandle(path: "/dev/kvm", flags: O_RDWR)
        } catch {
            return "\(error)"
        }
        guard KernelVirtualMachine.apiVersion(of: device) == 12 else { return "/dev/kvm speaks another version" }
        #if arch(x86_64)
            let text = (try? FileContents.readText("/proc/cpuinfo", limit: 65_536)) ?? ""
            let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
            if !flags.contains("vmx") && !flags.contains("svm") { return "the processor shows neither vmx nor svm" }
        #endif
        return nil
    }
}
