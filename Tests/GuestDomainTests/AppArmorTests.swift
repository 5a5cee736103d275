import Linux
import TestSupport
import Testing

@testable import GuestDomain

private let helper = "/usr/lib/libvirt/virt-aa-helper"

/// Debian confines QEMU with AppArmor. libvirt's helper makes a profile for each guest of its description; it can be asked for the
/// profile on a machine whose kernel has no AppArmor, too.
@Suite(
    .enabled(
        if: Paths.allows(.executing, helper),
        "NOT TESTED: libvirt's virt-aa-helper (libvirt-daemon-system) is missing"))
struct AppArmorTests {
    /// Root's folders, whose names a profile might forbid.
    private static func guest(
        _ media: GuestSpecification.Media, _ screen: GuestScreen.Kind = .spice
    ) -> GuestSpecification {
        let session = "/run/oscircular/sessions/abcdefgh"
        return GuestSpecification(
            name: "oscircular-abcdefgh", memoryMiB: 256, cpus: 1, accelerator: .tcg,
            firmware: media == .disk ? .uefi : .bios, media: media, imagePath: "\(session)/mount/2026-11-16",
            overlayPath: media == .disk ? "/var/lib/oscircular/overlays/abcdefgh.qcow2" : nil,
            consoleSocketPath: "\(session)/serial", networkSocketPath: "\(session)/net",
            firmwareEntries: [.init(name: "opt/io.systemd.credentials/tmpfiles.extra", path: "\(session)/fw/1")],
            screen: GuestScreen(screen, socketPath: "\(session)/screen/qemu"), nvramPath: "\(session)/nvram.fd",
            emulatorUser: 61999)
    }

    /// What libvirt adds to Debian's profile of every guest for this one, line by line.
    private func lines(_ guest: GuestSpecification) async throws -> [Substring] {
        let folder = try TemporaryDirectory()
        let description = DomainXML.render(
            guest, labelsFiles: true, identity: EmulatorIdentity(user: 61999, group: 108))
        try AtomicFile.write(description, to: folder.path("xml"))
        let made = try await BuiltProgram.runAny(
            "sh", ["-c", "\(helper) -c -d -u libvirt-\(guest.uuid) < '\(folder.path("xml"))' 2>&1"])
        #expect(made.status == 0, "\(made.stdout)")
        return made.stdout.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.contains("include") }
    }

    /// What the profile of a guest allows of our folders: permissions by path, `!` before those that it denies.
    private func rules(_ guest: GuestSpecification) async throws -> [String: Set<String>] {
        var rules: [String: Set<String>] = [:]
        for line in try await lines(guest) {
            let parts = line.split(separator: "\"")
            guard parts.count == 3, parts[1].contains("/oscircular/") else { continue }
            let permissions = parts[2].filter { "rwk".contains($0) }
            rules[String(parts[1]), default: []].insert((parts[0].contains("deny") ? "!" : "") + permissions)
        }
        return rules
    }

    /// The network's socket has no rule: connecting to a socket needs none under the features that Debian's profiles are made for
    /// (/usr/share/apparmor-features/features).
    @Test func theProfileOfADiskAllowsItsFilesAndNoOthers() async throws {
        let session = "/run/oscircular/sessions/abcdefgh"
        #expect(
            try await rules(Self.guest(.disk)) == [
                "/var/lib/oscircular/overlays/abcdefgh.qcow2": ["rwk"], "\(session)/mount/2026-11-16": ["rk", "!w"],
                "\(session)/serial": ["rw"], "\(session)/screen/qemu": ["rw"], "\(session)/nvram.fd": ["rwk"],
                "\(session)/fw/1": ["r", "!w"],
            ])
    }

    @Test func theProfileOfACDROMAllowsItsFilesAndNoOthers() async throws {
        let session = "/run/oscircular/sessions/abcdefgh"
        #expect(
            try await rules(Self.guest(.cdrom, .vnc)) == [
                "\(session)/mount/2026-11-16": ["rk", "!w"], "\(session)/serial": ["rw"],
                "\(session)/screen/qemu": ["rw"], "\(session)/fw/1": ["r", "!w"],
            ])
    }

    @Test(
        .enabled(
            if: Paths.allows(.reading, "/etc/apparmor.d/abstractions/base")
                && ProgramPath.find("apparmor_parser") != nil, "NOT TESTED: AppArmor's tools (apparmor) are missing"))
    func theProfileIsValid() async throws {
        let folder = try TemporaryDirectory()
        let text = """
            #include <tunables/global>
            profile libvirt-test flags=(attach_disconnected) {
              #include <abstractions/libvirt-qemu>
            \(try await lines(Self.guest(.disk)).joined(separator: "\n"))
            }

            """
        try AtomicFile.write(text, to: folder.path("profile"))
        // Read and compiled; nothing is given to the kernel or kept.
        let parsed = try await BuiltProgram.runAny(
            ProgramPath.find("apparmor_parser") ?? "", ["-Q", "-K", folder.path("profile")])
        #expect(parsed.status == 0, "\(parsed.stderr)")
    }
}
