import Linux

/// A processor that guests can have: what QEMU runs it with, and on which machine of QEMU's.
package enum GuestArchitecture: String, Sendable, Codable, CaseIterable {
    case x86_64, aarch64

    /// This machine's own; nil for one that guests cannot have.
    package static var host: GuestArchitecture? { GuestArchitecture(rawValue: Machine.architecture) }

    package var isHost: Bool { self == GuestArchitecture.host }

    /// - Parameter word: what a catalog says, as `uname -m` has it or as Debian calls it. What says nothing, and processors whose programs
    ///   run on a 64-bit one of the same kind, are x86_64.
    package init?(_ word: String) {
        switch word.lowercased() {
        case "", "amd64", "x64", "i386", "i486", "i586", "i686": self = .x86_64
        case let word where word.hasPrefix("x86"): self = .x86_64
        case "aarch64", "arm64": self = .aarch64
        default: return nil
        }
    }

    /// QEMU's program.
    package var emulator: String { "qemu-system-\(rawValue)" }

    /// Debian's package of it.
    package var emulatorPackage: String { self == .x86_64 ? "qemu-system-x86" : "qemu-system-arm" }

    /// QEMU's type of machine.
    var machine: String { self == .x86_64 ? "q35" : "virt" }

    /// Whether there is a BIOS; else all guests start by UEFI.
    package var hasBIOS: Bool { self == .x86_64 }

    package var firmware: UEFIFirmware { self == .x86_64 ? .ovmf : .aavmf }
}

/// Debian's UEFI for QEMU.
package struct UEFIFirmware: Sendable, Equatable {
    let code: String
    /// What a guest's variables are at first.
    let variables: String
    package let package: String

    static let ovmf = UEFIFirmware(
        code: "/usr/share/OVMF/OVMF_CODE_4M.fd", variables: "/usr/share/OVMF/OVMF_VARS_4M.fd", package: "ovmf")
    /// Both are 64 MiB, as the flash of QEMU's `virt`, and nearly all of that is zeros.
    static let aavmf = UEFIFirmware(
        code: "/usr/share/AAVMF/AAVMF_CODE.fd", variables: "/usr/share/AAVMF/AAVMF_VARS.fd",
        package: "qemu-efi-aarch64")

    package var isInstalled: Bool { Paths.allows(.reading, code) }

    /// Bytes of the largest variables that are copied.
    private static let largest = 256 << 20

    /// Makes a guest's new variables (0600), see ``copyVariables(_:to:)``.
    /// - Throws: ``SystemCallError``.
    package func writeVariables(to path: String) throws(SystemCallError) {
        try UEFIFirmware.copyVariables(try FileHandle(variables, for: .reading), to: path)
    }

    /// Makes a copy of variables (0600) without their zeros: those of AAVMF are 64 MiB of them, and a session's folder lies in memory. The file
    /// is on the disk before it has its name.
    /// - Throws: ``SystemCallError``.
    package static func copyVariables(_ source: FileHandle, to path: String) throws(SystemCallError) {
        let size = try source.status().size
        guard size <= UEFIFirmware.largest else {
            throw SystemCallError(.fileTooLarge, call: "read", subject: path)
        }
        let temporary = AtomicFile.temporaryName(for: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        do throws(SystemCallError) {
            let copy = try FileHandle(temporary, for: .writing, [.createNew, .refuseLink], mode: 0o600)
            var offset = 0
            while offset < size {
                let count = try source.read(into: buffer, at: offset)
                if count == 0 { break }
                let part = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                if part.contains(where: { $0 != 0 }) { try copy.write(part, at: offset) }
                offset += count
            }
            try copy.truncate(to: offset)
            try copy.sync()
            try Paths.rename(temporary, to: path)
        } catch {
            Paths.removeIfPossible(temporary)
            throw error
        }
    }
}

/// How guests of one processor run on this machine.
package enum Emulation: Sendable, Hashable {
    /// It is this machine's own: in hardware, or wherever that is not possible in software.
    case none
    /// In software, always: slow.
    case possible
    /// It would run in software, with these packages of Debian.
    case missing([String])
    /// The emulator is installed, and libvirt does not offer it.
    case notOffered
    /// No guest can have it here.
    case unknown

    /// For people; nil where there is nothing to say.
    package var words: String? {
        switch self {
        case .none: nil
        case .possible: "runs by emulation: slow"
        case .missing(let packages): "needs \(Emulation.list(packages))"
        case .notOffered: "needs an emulator that is installed, but that libvirt does not offer"
        case .unknown: "is a processor that guests cannot have here"
        }
    }

    /// `the packages a and b`.
    package static func list(_ packages: [String]) -> String {
        "the package\(packages.count == 1 ? "" : "s") \(packages.joined(separator: " and "))"
    }

    /// Whether a guest can run.
    package var isBootable: Bool {
        switch self {
        case .none, .possible: true
        case .missing, .notOffered, .unknown: false
        }
    }
}

/// Which processors guests can have on this machine beside its own, as far as is known without asking libvirt, or with its word.
package struct Emulators: Sendable, Equatable {
    private let host: GuestArchitecture?
    private let missing: [GuestArchitecture: [String]]
    private let notOffered: Set<GuestArchitecture>

    /// - Parameters:
    ///   - missing: the packages that guests of a processor need and that are not installed.
    ///   - notOffered: processors whose emulators libvirt does not offer.
    package init(
        host: GuestArchitecture?, missing: [GuestArchitecture: [String]], notOffered: Set<GuestArchitecture> = []
    ) {
        (self.host, self.missing, self.notOffered) = (host, missing, notOffered)
    }

    /// What lies on the disk. Quick; whether libvirt can use it is another matter.
    package static func installed(host: GuestArchitecture? = .host) -> Emulators {
        Emulators(host: host, missing: missing(host: host) { ProgramPath.find($0.emulator) != nil })
    }

    /// What libvirt says of the emulators that lie on the disk; where there is none it is not asked.
    /// - Parameter time: a libvirt that does not answer within it is not waited for: what lies on the disk counts, and whoever starts a
    ///   guest learns what is wrong.
    package static func offered(uri: String, within time: Duration) async -> Emulators {
        let installed = installed()
        guard installed.hasAny else { return installed }
        let answers = AsyncStream.makeStream(of: Emulators.self)
        Task {
            // The doc comment's reason.
            let answer = try? await offered(by: try await HypervisorConnection.open(uri))
            answers.continuation.yield(answer ?? installed)
        }
        let patience = Task {
            try await Task.sleep(for: time)
            answers.continuation.yield(installed)
        }
        defer { patience.cancel() }
        for await answer in answers.stream { return answer }
        return installed
    }

    private static func offered(by connection: HypervisorConnection) async throws -> Emulators {
        let libvirt = connection.connection
        return try await WorkerThread.run(name: "libvirt emulators") {
            Emulators(
                host: .host, missing: missing(host: .host) { ProgramPath.find($0.emulator) != nil },
                notOffered: Set(GuestArchitecture.allCases.filter { !libvirt.supports(.tcg, $0) }))
        }
    }

    private static func missing(
        host: GuestArchitecture?, _ hasEmulator: (GuestArchitecture) -> Bool
    ) -> [GuestArchitecture: [String]] {
        var missing: [GuestArchitecture: [String]] = [:]
        for architecture in GuestArchitecture.allCases where architecture != host {
            missing[architecture] = packages(architecture, hasEmulator: hasEmulator(architecture))
        }
        return missing
    }

    /// What is not installed of what guests of another processor need.
    static func packages(_ architecture: GuestArchitecture, hasEmulator: Bool) -> [String] {
        (hasEmulator ? [] : [architecture.emulatorPackage])
            + (architecture.hasBIOS || architecture.firmware.isInstalled ? [] : [architecture.firmware.package])
    }

    /// Whether guests of another processor can run.
    var hasAny: Bool { missing.values.contains { $0.isEmpty } }

    /// How a system runs here whose catalog has this word for its processor.
    package func emulation(of word: String) -> Emulation {
        guard let architecture = GuestArchitecture(word) else { return .unknown }
        if architecture == host { return .none }
        let packages = missing[architecture] ?? []
        guard packages.isEmpty else { return .missing(packages) }
        return notOffered.contains(architecture) ? .notOffered : .possible
    }
}
