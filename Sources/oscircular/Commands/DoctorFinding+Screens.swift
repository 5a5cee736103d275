import Boot
import GuestDomain

extension DoctorFinding {
    /// How windows of guests get their pictures; nothing where libvirt does not answer, which another finding says.
    static func ofScreens(_ context: CommandContext) async -> [DoctorFinding] {
        let uri = context.configuration.connect ?? HypervisorConnection.defaultURI
        // As the doc comment says.
        guard let kind = try? await HypervisorConnection.open(uri).screenKind(.tcg, GuestArchitecture.host ?? .x86_64)
        else { return [] }
        switch kind {
        case .spice: return [DoctorFinding(subject: "windows", result: .good, text: "QEMU has SPICE")]
        case .vnc:
            return [
                DoctorFinding(
                    subject: "windows", result: .warning,
                    text: "QEMU has no SPICE: windows have no sound, no clipboard, and a size of their own",
                    cure: "sudo apt install qemu-system-modules-spice")
            ]
        }
    }
}
