import BlockStore
import Catalog
import ContentAddress
import GuestDomain
import Linux
import TestSupport

@testable import Boot

/// Warm states without guests, as a template leaves them.
struct WarmFixture {
    let folder: TemporaryDirectory
    let library: WarmLibrary
    let places: Places

    static let image = WarmRecord.Image(
        indexDigest: "sha256:\(String(repeating: "a", count: 64))",
        digest: "sha256:\(String(repeating: "b", count: 64))")
    static let version = VersionKey(catalog: "test", distribution: "debian", version: "2026-11-30")
    /// Cannot be packed.
    static let memory: [UInt8] = {
        var random = SeededRandom(seed: 11)
        return (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    }()

    /// - Parameter base: the folder that all lies in; nil is the usual one.
    init(in base: String? = nil) throws {
        let folder = try TemporaryDirectory(in: base)
        self.folder = folder
        library = WarmLibrary(cache: folder.path("cache"))
        places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_STATE_HOME": folder.path("state")][$0] },
            user: 1, home: folder.path)
        for path in [places.overlays, places.runtime, folder.path("cache")] { try Folder.make(path, mode: 0o700) }
    }

    static func machine(
        memoryMiB: Int = 256, firmware: GuestSpecification.Firmware = .bios, hasSeed: Bool = false
    ) -> GuestSpecification {
        GuestSpecification(
            name: "n", memoryMiB: memoryMiB, cpus: 1, accelerator: .tcg, firmware: firmware, media: .disk,
            imagePath: "/i", overlayPath: "/o", consoleSocketPath: "/c", networkSocketPath: "/s", firmwareEntries: [],
            screen: nil, nvramPath: "/n",
            seed: hasSeed ? GuestSeed.Files(diskPath: "/seed", serialNumber: "ds=nocloud") : nil)
    }

    static func needs(_ machine: GuestSpecification = machine(), image: WarmRecord.Image = image) -> WarmNeeds {
        WarmNeeds(
            image: image, guest: .init(machine, entries: SessionGuest.parkedEntries),
            emulator: .init(major: 7, minor: 2, micro: 22))
    }

    /// Makes a state as a template does.
    @discardableResult
    func make(
        _ machine: GuestSpecification = machine(), version: VersionKey = version, image: WarmRecord.Image = image,
        memory: [UInt8] = memory
    ) throws -> WarmRecord {
        guard let state = try library.begin(Self.needs(machine, image: image).key) else {
            throw FileFaults.Loss("somebody makes it")
        }
        defer { state.discard() }
        let record = try Self.fill(state, in: folder, machine, version: version, image: image, memory: memory)
        try state.finish(record)
        return record
    }

    /// Writes all but the record.
    static func fill(
        _ state: UnfinishedState, in folder: TemporaryDirectory, _ machine: GuestSpecification = machine(),
        version: VersionKey = version, image: WarmRecord.Image = image, memory: [UInt8] = memory
    ) throws -> WarmRecord {
        // A file in place of the pipe: both end.
        try AtomicFile.write(memory, to: folder.path("from"))
        let written = try MemoryFile.write(
            from: try FileHandle(folder.path("from"), for: .reading), to: state.folder.memory)
        func file(_ text: String, _ path: String) throws -> String {
            try AtomicFile.write(text, to: path, mode: 0o600)
            return FileDigest.sha256(of: Array(text.utf8)).description
        }
        return WarmRecord(
            created: .now, key: version, image: image, guest: .init(machine, entries: SessionGuest.parkedEntries),
            overlayDigest: try file("disk", state.folder.overlay),
            variablesDigest: machine.firmware == .uefi ? try file("variables", state.folder.variables) : nil,
            seedDigest: machine.seed == nil ? nil : try file("seed", state.folder.seed),
            memory: .init(
                size: written.size, content: written.content, digest: written.digest, origin: MemoryFileTests.origin),
            bootSeconds: 31)
    }

    func path(_ machine: GuestSpecification = machine(), image: WarmRecord.Image = image) -> WarmFolder {
        library.folder(Self.needs(machine, image: image).key)
    }

    func directory(_ id: String = "abcd1234") -> SessionDirectory { SessionDirectory(id: id, places: places) }

    /// The state that a start finds.
    func found(_ machine: GuestSpecification = machine()) -> WarmState? {
        guard case .state(let state) = library.find(Self.needs(machine)) else { return nil }
        return state
    }

    /// What QEMU would read of a state's memory.
    func fed(_ state: WarmState) throws -> [UInt8] {
        let target = try FileHandle(folder.path("to"), for: .both, [.create, .truncate])
        try state.feed(to: target)
        return try FileContents.read(folder.path("to"), limit: 1 << 24)
    }
}
