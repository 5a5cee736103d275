import FUSE
import Glibc
import GuestDomain
import Linux

/// One thing that `doctor` looked at.
struct Finding: Encodable {
    enum Result: String, Encodable {
        case good, warning, bad
    }

    let subject: String
    let result: Result
    let words: String
    /// The one command or step that cures it; empty where nothing is wrong.
    let cure: String

    init(subject: String, result: Result, words: String, cure: String = "") {
        self.subject = subject
        self.result = result
        self.words = words
        // Root has no need of it, and may not have it.
        self.cure = geteuid() == 0 && cure.hasPrefix("sudo ") ? String(cure.dropFirst(5)) : cure
    }
}

/// What the machine itself must have.
extension Finding {
    static func ofDevices() -> [Finding] { [fuse(), kvm()] }

    private static func fuse() -> Finding {
        let facts = FUSECure.current()
        let isMissing = facts.failure.map { "/dev/fuse does not open: \(SystemCallError.message(of: $0))" }
        return Finding(
            subject: "FUSE", result: isMissing == nil ? .good : .bad, words: isMissing ?? "/dev/fuse opens",
            cure: isMissing == nil ? "" : FUSECure.command(facts))
    }

    private static func kvm() -> Finding {
        let accelerator = AcceleratorChoice.auto.probe()
        return Finding(
            subject: "KVM", result: accelerator.accelerator == .kvm ? .good : .warning, words: accelerator.reason,
            cure: KVMCure.command(KVMCure.current()))
    }

    static func ofPrograms() -> [Finding] {
        let needed = [
            ("qemu-system-x86_64", "qemu-system-x86", true), ("qemu-img", "qemu-utils", true),
            ("sshd", "openssh-server", true), ("bwrap", "bubblewrap", true), ("ssh", "openssh-client", true),
            ("fusermount3", FUSECure.helperPackage, geteuid() != 0), ("virt-viewer", "virt-viewer", false),
        ]
        return needed.map { name, package, isNeeded in
            if ProgramPath.find(name) != nil { return Finding(subject: name, result: .good, words: "installed") }
            return Finding(
                subject: name, result: isNeeded ? .bad : .warning, words: "not installed",
                cure: "sudo apt install \(package)")
        } + [firmware()]
    }

    private static func firmware() -> Finding {
        UEFIFirmware.isInstalled
            ? Finding(subject: "UEFI", result: .good, words: "installed")
            : Finding(
                subject: "UEFI", result: .warning, words: "no firmware for versions that want it",
                cure: "sudo apt install ovmf")
    }

    static func ofLibvirt(_ context: CommandContext) async -> Finding {
        let uri = context.configuration.connect ?? HypervisorConnection.defaultURI
        do {
            _ = try await HypervisorConnection.open(uri)
            return Finding(subject: "libvirt", result: .good, words: "\(uri) answers")
        } catch GuestDomainError.noDaemon(_, let cause) {
            return Finding(
                subject: "libvirt", result: .bad, words: "\(uri) does not answer: \(Terminal.clean(cause.message))",
                cure: libvirtCure(uri))
        } catch {
            return Finding(subject: "libvirt", result: .bad, words: ErrorReport(error).message)
        }
    }

    /// A user's own daemon is started by libvirt's library; the machine's by systemd, where that runs.
    private static func libvirtCure(_ uri: String) -> String {
        guard let daemon = ["libvirtd", "virtqemud"].first(where: { ProgramPath.find($0) != nil }) else {
            let system = uri.hasSuffix("/system") ? " libvirt-daemon-system" : ""
            return "sudo apt install libvirt-daemon libvirt-daemon-driver-qemu\(system)"
        }
        if uri.hasSuffix("/system") {
            return access("/run/systemd/system", F_OK) == 0
                ? "sudo systemctl start libvirtd" : "sudo sh -c 'virtlogd -d; libvirtd -d'"
        }
        // It says itself what keeps it from starting.
        return "\(daemon) -d --timeout 120"
    }
}
