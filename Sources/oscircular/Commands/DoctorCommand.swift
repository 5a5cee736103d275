import ArgumentParser
import Boot
import Catalog
import Glibc
import GuestDomain
import Linux

/// `oscircular doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check what booting needs on this machine, and say what to do.")

    @Flag(help: "One JSON object.") var json = false

    /// One thing that was looked at.
    struct Finding: Encodable {
        enum Result: String, Encodable {
            case good, warning, bad
        }

        let subject: String
        let result: Result
        let words: String
        /// The one command or step that cures it; empty where nothing is wrong.
        let cure: String
    }

    func run() async throws {
        let context = try CommandContext.load()
        var findings = [fuse(), kvm()]
        findings += programs()
        findings.append(await libvirt(context))
        findings.append(disk(context))
        findings += await catalogs(context)
        if json {
            try JSONOutput.print(["findings": findings])
        } else {
            for finding in findings {
                let mark = finding.result == .good ? "ok  " : finding.result == .warning ? "warn" : "BAD "
                Terminal.print("\(mark)  \(finding.subject): \(finding.words)")
                if !finding.cure.isEmpty { Terminal.print("      do: \(finding.cure)") }
            }
        }
        if findings.contains(where: { $0.result == .bad }) { throw ExitCode(ErrorReport.ExitStatus.unavailable) }
    }

    private func fuse() -> Finding {
        do {
            _ = try FileHandle(path: "/dev/fuse", flags: O_RDWR)
            return Finding(subject: "FUSE", result: .good, words: "/dev/fuse opens", cure: "")
        } catch {
            let cure = error.code == ENOENT ? "sudo modprobe fuse" : "sudo chmod 0666 /dev/fuse"
            return Finding(subject: "FUSE", result: .bad, words: "\(error)", cure: cure)
        }
    }

    private func kvm() -> Finding {
        let accelerator = AcceleratorChoice.auto.probe()
        return accelerator.accelerator == .kvm
            ? Finding(subject: "KVM", result: .good, words: accelerator.reason, cure: "")
            : Finding(
                subject: "KVM", result: .warning, words: accelerator.reason,
                cure: access("/dev/kvm", F_OK) == 0 && access("/dev/kvm", R_OK | W_OK) != 0
                    ? "sudo adduser $USER kvm, then log in again" : "")
    }

    private func programs() -> [Finding] {
        let needed = [
            ("qemu-system-x86_64", "qemu-system-x86", true), ("qemu-img", "qemu-utils", true),
            ("sshd", "openssh-server", true), ("bwrap", "bubblewrap", true), ("ssh", "openssh-client", true),
            ("fusermount3", "fuse3", geteuid() != 0), ("virt-viewer", "virt-viewer", false),
        ]
        return needed.map { name, package, isNeeded in
            if ProgramPath.find(name) != nil {
                return Finding(subject: name, result: .good, words: "installed", cure: "")
            }
            return Finding(
                subject: name, result: isNeeded ? .bad : .warning, words: "not installed",
                cure: "sudo apt install \(package)")
        }
    }

    private func libvirt(_ context: CommandContext) async -> Finding {
        let uri = context.configuration.connect ?? HypervisorConnection.defaultURI
        do {
            _ = try await HypervisorConnection.open(uri)
            return Finding(subject: "libvirt", result: .good, words: "\(uri) answers", cure: "")
        } catch {
            return Finding(
                subject: "libvirt", result: .bad, words: ErrorReport(error).message,
                cure: ProgramPath.find("libvirtd") == nil
                    ? "sudo apt install libvirt-daemon libvirt-daemon-driver-qemu"
                    : geteuid() == 0 ? "systemctl start libvirtd, or libvirtd -d" : "log out and in again")
        }
    }

    private func disk(_ context: CommandContext) -> Finding {
        do {
            let status = try context.cache().status()
            return Finding(
                subject: "cache", result: .good,
                words:
                    "\(status.directory), \(ByteCount.text(UInt64(status.used))) of \(ByteCount.text(UInt64(status.limit)))",
                cure: "")
        } catch {
            return Finding(
                subject: "cache", result: .warning, words: ErrorReport(error).message,
                cure: "set cache.directory in \(context.places.configurationFiles.last ?? "config.toml")")
        }
    }

    private func catalogs(_ context: CommandContext) async -> [Finding] {
        let copies = await context.library().copies(refresh: true)
        guard !copies.isEmpty else {
            return [
                Finding(subject: "catalogs", result: .warning, words: "none", cure: "oscircular catalog add NAME URL")
            ]
        }
        return copies.map { copy in
            Finding(
                subject: "catalog \(copy.source.name)", result: copy.state == .fresh ? .good : .warning,
                words: copy.error.map { ErrorReport($0).message } ?? "\(copy.state.rawValue)", cure: "")
        }
    }
}
