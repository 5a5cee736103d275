import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite(
    .enabled(if: ProgramPath.find("qemu-img") != nil, "SKIPPED: qemu-img is not installed: apt-get install qemu-utils"))
struct OverlayTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func create(_ path: String, backing: String, size: UInt64) async throws {
        try await WorkerThread.run(name: "test-overlay") { try Overlay.create(at: path, backing: backing, size: size) }
    }

    @Test func isOfTheImagesSizeAndItsOwnersOnly() async throws {
        let image = try folder.write([UInt8](repeating: 7, count: 1 << 20), to: "image, with: strange name")
        let path = folder.path("overlay.qcow2")
        try await create(path, backing: image, size: 1 << 20)
        var status = stat()
        #expect(lstat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let header = try FileContents.read(path, limit: 1 << 20)
        #expect(Array(header[0..<4]) == [0x51, 0x46, 0x49, 0xFB])
        // Bytes 24 to 31: the virtual size; the backing file's name is where bytes 8 to 15 say.
        #expect(header[24..<32].reduce(0) { $0 << 8 | UInt64($1) } == 1 << 20)
        let start = Int(header[8..<16].reduce(0) { $0 << 8 | UInt64($1) })
        #expect(String(decoding: header[start..<(start + image.utf8.count)], as: UTF8.self) == image)
    }

    @Test func doesNotReadItsImage() async throws {
        // Over a mount whose server does not answer, it must be made all the same.
        try await create(folder.path("overlay.qcow2"), backing: folder.path("absent"), size: 4096)
        #expect(access(folder.path("overlay.qcow2"), F_OK) == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "SKIPPED: only root may mount a small disk"))
    func aFullDiskIsSaidToBeFull() async throws {
        let mount = try folder.makeFolder("full")
        try systemCall("mount", mount) { Glibc.mount("tmpfs", mount, "tmpfs", 0, "size=64k") }
        defer { umount2(mount, Int32(MNT_DETACH)) }
        let filler = try FileHandle(path: "\(mount)/filler", flags: O_WRONLY | O_CREAT)
        let ones = [UInt8](repeating: 1, count: 1 << 17)
        #expect(throws: SystemCallError.self) { try ones.withUnsafeBytes { try filler.write($0) } }
        let error = await #expect(throws: GuestDomainError.self) {
            try await create("\(mount)/overlay.qcow2", backing: "/dev/null", size: 1 << 30)
        }
        guard case .system(let cause) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(cause.code == ENOSPC && cause.subject.contains("overlay.qcow2"))
        #expect(access("\(mount)/overlay.qcow2", F_OK) == -1)
    }

    @Test func replacesNothing() async throws {
        let path = try folder.write([1], to: "overlay.qcow2")
        let error = await #expect(throws: GuestDomainError.self) {
            try await create(path, backing: "/dev/null", size: 4096)
        }
        guard case .system(let cause) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(cause.code == EEXIST)
        #expect(try FileContents.read(path, limit: 10) == [1])
    }

    @Test func aFailureHasTheProgramsWordsAndLeavesNothing() async throws {
        let path = folder.path("overlay.qcow2")
        let error = await #expect(throws: GuestDomainError.self) {
            try await create(path, backing: "/dev/null", size: UInt64(Int64.max) + 1)
        }
        guard case .overlayFailed(let reason) = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(reason.contains("size"))
        #expect(access(path, F_OK) == -1)
    }
}
