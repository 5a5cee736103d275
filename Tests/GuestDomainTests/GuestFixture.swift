import Glibc
import GuestDomain
import Linux
import Synchronization
import TestSupport
import Testing

/// A folder with all that one real guest needs, as a session would lay it out.
final class GuestFixture: Sendable {
    let folder: TemporaryDirectory
    let connection: HypervisorConnection
    let console: GuestConsole
    /// Whom its QEMU runs as.
    let user: ClaimedUser
    var imagePath: String { folder.path("image") }
    var overlayPath: String { folder.path("overlay.qcow2") }

    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        // QEMU's own user has to get through, and sees no names.
        try systemCall("chmod") { chmod(folder.path, 0o711) }
        connection = try await HypervisorConnection.open(LibvirtDaemon.uri)
        user = try #require(ClaimedUser.claim(name: "oscircular-test", avoidingOwnersIn: []).first)
        let words = Words()
        self.words = words
        console = try GuestConsole(
            guestSocketPath: folder.path("serial"), viewerSocketPath: folder.path("console"),
            logPath: folder.path("log"), emulatorUser: user.id,
            observer: { bytes in words.text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } })
    }

    private final class Words: Sendable { let text = Mutex("") }
    private let words: Words

    /// What the guest has said so far.
    var output: String { words.text.withLock { $0 } }

    /// A specification over an image that it writes: a boot sector and zeros.
    func specification(_ sector: [UInt8], size: Int = 1 << 20) async throws -> GuestSpecification {
        try writeImage(sector, size: size)
        return try await specification(imagePath: imagePath, size: size)
    }

    func writeImage(_ bytes: [UInt8], size: Int) throws {
        try AtomicFile.write(bytes, to: imagePath, mode: 0o444)
        if bytes.count < size { try systemCall("truncate") { truncate(imagePath, size) } }
    }

    func specification(imagePath: String, size: Int) async throws -> GuestSpecification {
        let overlay = overlayPath
        try await WorkerThread.run(name: "test-overlay") {
            try Overlay.create(at: overlay, backing: imagePath, size: UInt64(size))
        }
        return plain(imagePath: imagePath)
    }

    /// A specification whose files the caller makes.
    func plain(imagePath: String) -> GuestSpecification {
        GuestSpecification(
            name: "oscircular-test-\(String(UInt32.random(in: 0 ... .max), radix: 36))", memoryMiB: 64, cpus: 1,
            accelerator: .tcg, firmware: .bios, media: .disk, imagePath: imagePath, overlayPath: overlayPath,
            consoleSocketPath: folder.path("serial"), networkSocketPath: nil, firmwareEntries: [], screen: nil,
            nvramPath: folder.path("nvram.fd"), emulatorUser: user.id)
    }

    /// Starts, runs the body and ends the guest, whatever happens.
    func run(
        _ specification: GuestSpecification, _ body: (RunningGuest, EventRecorder<GuestEvent>) async throws -> Void
    ) async throws {
        let guest = try await RunningGuest.start(specification, on: connection)
        let recorder = EventRecorder(guest.events)
        let result: Result<Void, any Error>
        do { result = .success(try await body(guest, recorder)) } catch { result = .failure(error) }
        try await guest.end()
        await console.finish()
        try result.get()
    }

    /// Who owns a file.
    func owner(_ path: String) -> uid_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_uid : nil
    }

    /// Whether the QEMU of a guest with this user could read a file.
    func mayRead(_ path: String, _ user: UserID) async throws -> Bool {
        let group = UserDatabase.group(named: "libvirt-qemu") ?? 65534
        return try await BuiltProgram.runAny(
            "setpriv", ["--reuid=\(user)", "--regid=\(group)", "--clear-groups", "head", "-c", "1", path]
        ).status == 0
    }

    func isReady(seconds: Double = 30) async -> Bool {
        await eventually(within: .seconds(seconds)) { output.contains("READY") }
    }
}
