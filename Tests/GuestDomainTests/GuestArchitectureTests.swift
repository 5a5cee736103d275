import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct GuestArchitectureTests {
    @Test(arguments: [
        ("x86_64", GuestArchitecture.x86_64), ("amd64", .x86_64), ("x86-64", .x86_64), ("i686", .x86_64), ("", .x86_64),
        ("aarch64", .aarch64), ("arm64", .aarch64), ("AArch64", .aarch64), ("riscv64", nil), ("armv7l", nil),
        ("s390x", nil),
    ])
    func aCatalogsWordMeansAProcessor(word: String, architecture: GuestArchitecture?) {
        #expect(GuestArchitecture(word) == architecture)
    }

    @Test func onlyAnotherProcessorThanTheMachinesIsEmulated() {
        for host in GuestArchitecture.allCases {
            let all = Emulators(
                host: host,
                missing: Dictionary(uniqueKeysWithValues: GuestArchitecture.allCases.map { ($0, []) }))
            for guest in GuestArchitecture.allCases {
                #expect(all.emulation(of: guest.rawValue) == (guest == host ? .none : .possible))
            }
            #expect(all.emulation(of: "riscv64") == .unknown)
            // Nobody's machine is without its own.
            let none = Emulators(host: host, missing: [.x86_64: ["a"], .aarch64: ["b", "c"]])
            #expect(none.emulation(of: host.rawValue) == .none)
            #expect(none.emulation(of: host == .x86_64 ? "arm64" : "amd64").isBootable == false)
        }
        // An installed one that libvirt does not offer is no missing package.
        let mute = Emulators(
            host: .x86_64, missing: [.aarch64: []], notOffered: [.x86_64, .aarch64])
        #expect(mute.emulation(of: "aarch64") == .notOffered && mute.emulation(of: "x86_64") == .none)
        #expect(!Emulation.notOffered.isBootable)
        // A machine of a kind that guests cannot have emulates all of them.
        let other = Emulators(host: nil, missing: [.x86_64: [], .aarch64: []])
        #expect(other.emulation(of: "x86_64") == .possible && other.emulation(of: "aarch64") == .possible)
    }

    @Test func packagesThatAreMissingAreNamed() {
        #expect(Emulators.packages(.x86_64, hasEmulator: false) == ["qemu-system-x86"])
        #expect(Emulators.packages(.x86_64, hasEmulator: true) == [])
        #expect(Emulators.packages(.aarch64, hasEmulator: false).first == "qemu-system-arm")
        let hasFirmware = access("/usr/share/AAVMF/AAVMF_CODE.fd", R_OK) == 0
        #expect(Emulators.packages(.aarch64, hasEmulator: true) == (hasFirmware ? [] : ["qemu-efi-aarch64"]))
        #expect(Emulation.missing(["a"]).words == "needs the package a")
        #expect(Emulation.missing(["a", "b"]).words == "needs the packages a and b")
    }

    /// AAVMF's variables are 64 MiB of zeros, and the session's folder lies in memory.
    @Test func variablesAreCopiedWithoutTheirZeros() throws {
        let folder = try TemporaryDirectory()
        var bytes = [UInt8](repeating: 0, count: 8 << 20)
        for place in [0, 70_000, bytes.count - 1] { bytes[place] = 7 }
        try folder.write(bytes, to: "first")
        let copy = folder.path("copy")
        try UEFIFirmware(code: "", variables: folder.path("first"), package: "").writeVariables(to: copy)
        #expect(try FileContents.read(copy, limit: 16 << 20) == bytes)
        var status = stat()
        try #require(stat(copy, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_blocks * 512 < 1 << 20, "\(status.st_blocks)")
        // Its end may be zeros, too.
        bytes[bytes.count - 1] = 0
        try folder.write(bytes, to: "first")
        try UEFIFirmware(code: "", variables: folder.path("first"), package: "").writeVariables(to: copy)
        #expect(try FileContents.read(copy, limit: 16 << 20) == bytes)
        #expect(throws: SystemCallError.self) {
            try UEFIFirmware(code: "", variables: folder.path("absent"), package: "").writeVariables(
                to: folder.path("other"))
        }
        #expect(try Folder.names(in: folder.path).sorted() == ["copy", "first"])
    }

    @Test(.enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
    func hardwareIsRefusedToAnotherProcessor() async throws {
        let connection = try await HypervisorConnection.open(LibvirtDaemon.uri)
        let other: GuestArchitecture = GuestArchitecture.host == .x86_64 ? .aarch64 : .x86_64
        await #expect {
            _ = try await connection.accelerator(.kvm, for: other)
        } throws: { error in
            if case GuestDomainError.noHardwareVirtualization = error { true } else { false }
        }
        do {
            #expect(try await connection.accelerator(.auto, for: other).accelerator == .tcg)
        } catch GuestDomainError.noForeignEmulator(let architecture, let packages) {
            #expect(architecture == other)
            #expect(packages.contains(other.emulatorPackage) == (ProgramPath.find(other.emulator) == nil))
        }
    }
}
