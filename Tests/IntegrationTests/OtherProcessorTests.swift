import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Systems for another processor than this machine's.
@Suite(.serialized)
struct OtherProcessorTests {
    private static let hasEmulator =
        ProgramPath.find("qemu-system-aarch64") != nil && access("/usr/share/AAVMF/AAVMF_CODE.fd", R_OK) == 0

    @Test(
        .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)),
        .enabled(if: hasEmulator, "a guest of aarch64 needs the packages qemu-system-arm and qemu-efi-aarch64"),
        .enabled(if: Machine.architecture == "x86_64", "on aarch64 it is no other processor"))
    func bootsFromItsImageByEmulation() async throws {
        let scenario = try await Scenario(
            images: [("2026-11-16", try await TinyGuest.imageForAArch64())], options: ["--architecture", "arm64"])
        do {
            let row = try #require(
                try JSONValue.object(try await scenario.client("list", "--json"))["distributions"]?.array.first)
            #expect(row["architecture"]?.string == "arm64")
            #expect(row["emulated"] == .boolean(true) && row["bootable"] == nil && row["needs"] == nil)
            #expect(try await scenario.client("list").contains("runs by emulation: slow"))

            let boot = try await scenario.attempt("boot", "tiny", "--detach")
            #expect(boot.status == 0, "\(boot.error)")
            #expect(boot.error.contains("guest: starting (aarch64 runs by emulation: slow)"), "\(boot.error)")
            let session = try #require(try await scenario.sessions().first)
            #expect(session.emulated == "aarch64" && session.accel == "tcg")
            // The network's card is there, and the credentials are.
            let console = try await scenario.console(of: session, shows: "READY")
            #expect(console.contains("processor aarch64"), "\(console)")
            // By its power button.
            let begun = ContinuousClock.now
            try await scenario.client("stop", session.id)
            #expect(ContinuousClock.now - begun < .seconds(20))
            #expect(try await scenario.sessions().isEmpty)
            #expect(access("\(scenario.folder.path("run"))/oscircular/\(session.id)", F_OK) == -1)
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    /// libvirt's own driver for tests has no emulator at all.
    @Test(
        .enabled(if: MountingMachine.isReady, MountingMachine.reason),
        .enabled(if: Machine.architecture == "x86_64", "on aarch64 it is no other processor"))
    func withoutItsEmulatorItIsRefusedBeforeAnythingIsFetched() async throws {
        let folder = try TemporaryDirectory()
        let image = try folder.write([UInt8](repeating: 7, count: 1 << 20), to: "image")
        // Whether the emulator is installed is another matter.
        let lack =
            ProgramPath.find("qemu-system-aarch64") == nil
            ? "this machine cannot emulate that: install the package"
            : "libvirt does not offer its emulator, qemu-system-aarch64"
        for (word, message) in [
            ("aarch64", "this system is for aarch64, and \(lack)"),
            ("riscv64", "this system is for riscv64, a processor that guests cannot have here"),
        ] {
            let scenario = try await Scenario(
                images: [("2026-11-16", image)], options: ["--architecture", word])
            let requests = scenario.server.requests().count
            let boot = try await scenario.attempt("boot", "tiny", "--connect", "test:///default")
            #expect(boot.status == 69 && boot.error.contains(message), "\(boot.error)")
            let asked = scenario.server.requests().dropFirst(requests)
            #expect(asked.allSatisfy { !$0.contains(".caibx") && !$0.contains(".cacnk") }, "\(asked)")
            let kvm = try await scenario.attempt("boot", "tiny", "--connect", "test:///default", "--accel", "kvm")
            #expect(kvm.status == 69)
            if word == "riscv64" {
                let list = try await scenario.client("list", "--json")
                let row = try #require(try JSONValue.object(list)["distributions"]?.array.first)
                #expect(row["bootable"] == .boolean(false) && row["emulated"] == nil)
            }
            await scenario.end()
        }
    }

    /// On a machine that has the emulator, too: in a mount name space of its own it has none.
    @Test(.enabled(if: geteuid() == 0, "only root can take a program away"))
    func whatCannotRunIsOneLineOfTheListAndNamesThePackages() async throws {
        let user = try FreshUser()
        func run(_ arguments: String) async throws -> (status: Int32, output: String) {
            let text = """
                [ ! -e /usr/bin/qemu-system-aarch64 ] || mount --bind /dev/null /usr/bin/qemu-system-aarch64
                [ ! -e /usr/share/AAVMF ] || mount -t tmpfs none /usr/share/AAVMF
                exec "$1" \(arguments)
                """
            let result = try await BuiltProgram.runAny(
                "unshare", ["-m", "bash", "-c", text, "bash", BuiltProgram.path("oscircular")],
                environment: user.environment)
            return (result.status, result.stdout)
        }
        let list = try await run("list --offline")
        #expect(list.status == 0)
        let lines = list.output.split(separator: "\n")
        #expect(lines.contains { $0.contains("vendors/debian-13  ") })
        #expect(!list.output.contains("debian-13-arm64"))
        let line = try #require(lines.first { $0.hasPrefix("For aarch64: ") })
        #expect(line.contains("needs the packages qemu-system-arm and qemu-efi-aarch64"), "\(line)")
        #expect(try await run("list vendors --offline").output.contains("vendors/debian-13-arm64"))
        let rows = try #require(
            try JSONValue.object(try await run("list --offline --json").output)["distributions"]?.array)
        let row = try #require(rows.first { $0["id"]?.string == "debian-13-arm64" })
        #expect(row["emulated"] == .boolean(true) && row["bootable"] == .boolean(false))
        #expect(row["needs"]?.array.compactMap(\.string) == ["qemu-system-arm", "qemu-efi-aarch64"])
        let doctor = try await run("doctor")
        #expect(doctor.output.contains("apt install qemu-system-arm qemu-efi-aarch64"), "\(doctor.output)")
    }
}
