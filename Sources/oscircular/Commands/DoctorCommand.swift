import ArgumentParser
import Boot
import Catalog
import FUSE
import Formats
import GuestDomain
import GuestNetwork
import Linux

/// `oscircular doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check whether this machine can boot guests, and say what to do if not.")

    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        var findings = DoctorFinding.ofDevices() + DoctorFinding.ofPrograms()
        findings.append(await DoctorFinding.ofLibvirt(context))
        findings += await DoctorFinding.ofScreens(context) + DoctorFinding.ofOtherProcessors(context)
        findings.append(DoctorFinding.ofFolders())
        findings.append(disk(context))
        findings += await catalogs(context)
        findings += vendors(context)
        if json {
            try JSONOutput.print(["findings": findings])
        } else {
            for finding in findings {
                let mark = finding.result == .good ? "ok  " : finding.result == .warning ? "warn" : "BAD "
                Terminal.print("\(mark)  \(finding.subject): \(finding.text)")
                if !finding.cure.isEmpty { Terminal.print("      do: \(finding.cure)") }
            }
        }
        if findings.contains(where: { $0.result == .bad }) { throw ExitCode(ErrorReport.ExitStatus.unavailable) }
    }

    private func disk(_ context: CommandContext) -> DoctorFinding {
        do {
            let status = try context.cache().status()
            return DoctorFinding(
                subject: "cache", result: .good,
                text:
                    "\(status.directory), \(ByteCount.text(UInt64(status.used))) of \(ByteCount.text(UInt64(status.limit)))"
            )
        } catch {
            return DoctorFinding(
                subject: "cache", result: .warning, text: ErrorReport(error).message,
                cure: "set cache.directory in \(context.places.configurationFiles.last ?? "config.toml")")
        }
    }

    /// What is wrong with the table of vendors, and with what the settings say of it.
    private func vendors(_ context: CommandContext) -> [DoctorFinding] {
        guard context.configuration.vendors.isEnabled else { return [] }
        let (known, table) = context.vendorTable()
        var findings = table.faults.map { fault in
            guard case .table = fault else {
                return DoctorFinding(
                    subject: "vendors", result: .warning, text: "\(fault)",
                    cure: "see vendors.from in oscircular.toml(5), or ask the catalog's publisher")
            }
            return DoctorFinding(
                subject: "vendors", result: .warning, text: "\(fault); the file is not used",
                cure: "repair or remove that file; oscircular-vendors(5) has its grammar")
        }
        findings += table.changes.map { change in
            DoctorFinding(
                subject: "vendors", result: .warning, text: change.text,
                cure: "'oscircular vendors accept \(change.name)' allows it; until then nothing changes")
        }
        let library = known.table
        let words = context.configuration.vendors.hidden.filter { word in
            !library.rows.contains { $0.id == word || $0.vendor == word }
        }
        return findings
            + words.sorted().map { word in
                DoctorFinding(
                    subject: "vendors.hidden", result: .warning,
                    text: "'\(word)' is neither a system's id nor a vendor's name, and hides nothing",
                    cure: "'oscircular vendors list --json' has the ids and names")
            }
    }

    private func catalogs(_ context: CommandContext) async -> [DoctorFinding] {
        let systems = context.systems()
        let copies = await systems.catalogs.copies(refresh: true)
        if copies.isEmpty, let vendors = systems.vendors {
            return [
                DoctorFinding(
                    subject: "catalogs", result: .good,
                    text: "none; \(vendors.copy().document?.distributions.count ?? 0) systems of vendors are offered")
            ]
        }
        guard !copies.isEmpty else {
            return [
                DoctorFinding(
                    subject: "catalogs", result: .warning, text: "none", cure: "oscircular catalog add NAME URL")
            ]
        }
        return copies.map { copy in
            DoctorFinding(
                subject: "catalog \(copy.source.name)", result: copy.state == .fresh ? .good : .warning,
                text: copy.error.map { ErrorReport($0).message } ?? "\(copy.state.rawValue)")
        }
    }
}

/// One thing that `doctor` checked.
struct DoctorFinding: Encodable {
    enum Result: String, Encodable {
        case good, warning, bad
    }

    let subject: String
    let result: Result
    let text: String
    /// The one command or step that fixes it; empty where nothing is wrong.
    let cure: String

    private enum CodingKeys: String, CodingKey {
        case subject, result, cure
        case text = "words"
    }

    init(subject: String, result: Result, text: String, cure: String = "") {
        self.subject = subject
        self.result = result
        self.text = text
        // Root does not need sudo, which may not be installed.
        self.cure = CurrentUser.isRoot && cure.hasPrefix("sudo ") ? String(cure.dropFirst(5)) : cure
    }
}

/// The checks of the machine itself.
extension DoctorFinding {
    static func ofDevices() -> [DoctorFinding] { [fuse(), kvm()] }

    private static func fuse() -> DoctorFinding {
        let facts = FUSECure.current()
        let isMissing = facts.failure.map { "/dev/fuse does not open: \(SystemCallError.message(of: $0))" }
        return DoctorFinding(
            subject: "FUSE", result: isMissing == nil ? .good : .bad, text: isMissing ?? "/dev/fuse opens",
            cure: isMissing == nil ? "" : FUSECure.command(facts))
    }

    private static func kvm() -> DoctorFinding {
        let accelerator = AcceleratorChoice.auto.probe()
        return DoctorFinding(
            subject: "KVM", result: accelerator.accelerator == .kvm ? .good : .warning, text: accelerator.reason,
            cure: KVMCure.command(KVMCure.current()))
    }

    static func ofPrograms() -> [DoctorFinding] {
        let host = GuestArchitecture.host ?? .x86_64
        let needed = [
            (host.emulator, host.emulatorPackage, true), ("qemu-img", "qemu-utils", true),
            ("sshd", "openssh-server", true), ("bwrap", "bubblewrap", true), ("ssh", "openssh-client", true),
            ("fusermount3", FUSECure.helperPackage, !CurrentUser.isRoot), ("virt-viewer", "virt-viewer", false),
            ("mkfs.ext4", "e2fsprogs", false),
        ]
        return needed.map { name, package, isNeeded in
            if ProgramPath.find(name) != nil { return DoctorFinding(subject: name, result: .good, text: "installed") }
            return DoctorFinding(
                subject: name, result: isNeeded ? .bad : .warning, text: "not installed",
                cure: "sudo apt install \(package)")
        } + [firmware()]
    }

    private static func firmware() -> DoctorFinding {
        let host = GuestArchitecture.host ?? .x86_64
        return host.firmware.isInstalled
            ? DoctorFinding(subject: "UEFI", result: .good, text: "installed")
            : DoctorFinding(
                // Without a BIOS every version needs it.
                subject: "UEFI", result: host.hasBIOS ? .warning : .bad, text: "no firmware for versions that need it",
                cure: "sudo apt install \(host.firmware.package)")
    }

    /// Whether guests of other processors than this machine's can run: nobody needs them to.
    static func ofOtherProcessors(_ context: CommandContext) async -> [DoctorFinding] {
        let emulators = await Emulators.offered(
            uri: context.configuration.connect ?? HypervisorConnection.defaultURI, within: .seconds(20))
        return GuestArchitecture.allCases.filter { !$0.isHost }.map { architecture in
            let emulation = emulators.emulation(of: architecture.rawValue)
            let text = "a system for it \(emulation.words ?? "")"
            guard case .missing(let packages) = emulation else {
                return DoctorFinding(
                    subject: "\(architecture.rawValue) guests", result: emulation.isBootable ? .good : .warning,
                    text: text)
            }
            return DoctorFinding(
                subject: "\(architecture.rawValue) guests", result: .warning, text: text,
                cure: "sudo apt install \(packages.joined(separator: " "))")
        }
    }

    /// What serves folders of this machine to guests.
    static func ofFolders() -> DoctorFinding {
        if FolderServer.isInstalled {
            return DoctorFinding(subject: "folders", result: .good, text: "virtiofsd is installed")
        }
        let without = CurrentUser.isRoot ? "none can be shared" : "guests get them by 9p, which many kernels lack"
        return DoctorFinding(
            subject: "folders", result: .warning, text: "there is no virtiofsd: \(without)",
            cure: "sudo apt install \(FolderServer.package)")
    }

    static func ofLibvirt(_ context: CommandContext) async -> DoctorFinding {
        let uri = context.configuration.connect ?? HypervisorConnection.defaultURI
        do {
            _ = try await HypervisorConnection.open(uri)
            return DoctorFinding(subject: "libvirt", result: .good, text: "\(uri) answers")
        } catch GuestDomainError.noDaemon(_, let cause) {
            return DoctorFinding(
                subject: "libvirt", result: .bad, text: "\(uri) does not answer: \(Terminal.clean(cause.message))",
                cure: libvirtCure(uri))
        } catch {
            return DoctorFinding(subject: "libvirt", result: .bad, text: ErrorReport(error).message)
        }
    }

    /// A user's own daemon is started by libvirt's library; the machine's by systemd where that is running.
    private static func libvirtCure(_ uri: String) -> String {
        guard let daemon = ["libvirtd", "virtqemud"].first(where: { ProgramPath.find($0) != nil }) else {
            let system = uri.hasSuffix("/system") ? " libvirt-daemon-system" : ""
            return "sudo apt install libvirt-daemon libvirt-daemon-driver-qemu\(system)"
        }
        if uri.hasSuffix("/system") {
            return Folder.isFolder("/run/systemd/system")
                ? "sudo systemctl start libvirtd" : "sudo sh -c 'virtlogd -d; libvirtd -d'"
        }
        // It says itself why it does not start.
        return "\(daemon) -d --timeout 120"
    }
}
