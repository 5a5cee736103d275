import BlockStore
import Catalog
import ContentAddress
import GuestDomain
import ImageIndex
import Linux
import TestSupport

@testable import Boot

/// Kept machines without guests: made as a session makes them, of a small image, and written to in place of QEMU.
struct MachineFixture {
    let folder: TemporaryDirectory
    let places: Places
    let cache: BlockCache
    let image: SmallImage
    var library: MachineLibrary { MachineLibrary(places: places) }

    /// - Parameter base: the folder that all lies in; nil is the usual one.
    init(in base: String? = nil) throws {
        let folder = try TemporaryDirectory(in: base)
        self.folder = folder
        places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_STATE_HOME": folder.path("state")][$0] },
            user: 1, home: folder.path)
        for path in [places.overlays, places.runtime] { try Folder.make(path) }
        cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        image = try SmallImage("ab.c", in: folder)
    }

    static func chosen(size: UInt64, digest: FileDigest? = nil, seed: SeedKind? = nil) throws -> ChosenVersion {
        guard let id = VersionID("2026-11-30") else { throw FileFaults.Loss("not a version") }
        let version = DistributionVersion(
            id: id, published: Timestamp(seconds: 0), index: "d/1.caibx",
            size: size, digest: digest, guest: GuestSettings(seed: seed))
        let distribution = Distribution(id: "debian", versions: [version])
        return ChosenVersion(
            source: try CatalogSource(name: "test", location: "https://example.org/"),
            document: CatalogDocument(name: "test", updated: Timestamp(seconds: 0), distributions: [distribution]),
            distribution: distribution, version: version)
    }

    func specification(firmware: GuestSpecification.Firmware = .bios) -> GuestSpecification {
        GuestSpecification(
            name: "n", memoryMiB: 256, cpus: 1, accelerator: .tcg, firmware: firmware, media: .disk, imagePath: "/i",
            overlayPath: nil, consoleSocketPath: "/c", networkSocketPath: nil, firmwareEntries: [], screen: nil,
            nvramPath: "/n")
    }

    /// A session that makes a machine, up to the moment that its guest runs.
    func make(
        _ name: String, session: String = "abc", seed: SeedKind? = nil, size: UInt64 = 1 << 20, in other: Places? = nil
    ) throws -> SessionMachine {
        let places = other ?? places
        try Folder.make(places.overlays)
        let machine = try SessionMachine(
            .new(name), directory: SessionDirectory(id: session, places: places), places: places)
        machine.keep(MachineRecord.Identity.make(hostName: "debian", user: "root"))
        try finish(machine, seed: seed, size: size)
        return machine
    }

    /// Gives a new machine its base and disk, and its name.
    func finish(_ machine: SessionMachine, seed: SeedKind? = nil, size: UInt64 = 1 << 20) throws {
        let version = SessionImage(
            image: VersionImage(
                chosen: try Self.chosen(size: image.index.imageSize, seed: seed), indexPath: image.indexPath, file: nil),
            index: image.index, bootSet: [], ledger: nil)
        try machine.make(version, specification(), size: size)
        _ = try machine.begin(specification(), home: nil, emulator: nil)
        try machine.finish(cache)
    }

    func directory(_ session: String) -> SessionDirectory { SessionDirectory(id: session, places: places) }

    /// A session of a machine whose guest writes these letters into its disk.
    func write(_ text: String, to name: String, session: String = "abd") throws {
        let machine = try SessionMachine(.started(name), directory: directory(session), places: places)
        let links = try machine.begin(specification(), home: nil, emulator: nil)
        try Self.io(links.overlay, ["write", "-q", "-P", "\(text.utf8.first ?? 0)", "64k", "512"])
        directory(session).removeDisk()
    }

    /// What the guest would read there: a letter.
    func read(_ name: String, in other: Places? = nil) throws -> String? {
        let library = MachineLibrary(places: other ?? places)
        let record = try library.record(name)
        let folder = try library.folder(name)
        let chain = record.disk.chain.map { folder.layer($0.id) }
        let text = chain.reversed().reduce("null") { below, path in
            #"{"driver":"qcow2","file":{"driver":"file","filename":"\#(path)"},"backing":\#(below)}"#
        }
        let output = try Self.io("json:\(text)", ["read", "-v", "64k", "512"], readOnly: true)
        guard let line = output.split(separator: "\n").first, let digits = line.split(separator: " ").dropFirst().first
        else { return nil }
        return UInt8(digits, radix: 16).map { $0 == 0 ? "" : String(decoding: [$0], as: UTF8.self) }
    }

    @discardableResult
    private static func io(_ path: String, _ command: [String], readOnly: Bool = false) throws -> String {
        let finished = try ChildProcess.run(
            "/usr/bin/qemu-io",
            (readOnly ? ["-r"] : []) + (path.hasPrefix("json:") ? [] : ["-f", "qcow2"])
                + ["-c", command.joined(separator: " "), path])
        guard finished.ending == .exited(0) else { throw FileFaults.Loss("qemu-io: \(finished.text)") }
        return String(decoding: finished.output, as: UTF8.self)
    }
}
