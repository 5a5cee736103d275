import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot
@testable import GuestNetwork

/// A session's folder and its server, without a guest.
@Suite(
    .serialized, .timeLimit(.minutes(1)),
    .enabled(
        if: FolderServer.isInstalled && (try? HostProgram.bwrap.path()) != nil,
        "SKIPPED: needs virtiofsd and bubblewrap"))
struct SessionShareTests {
    private let fixture: MachineFixture
    private let folder: TemporaryDirectory

    init() throws {
        fixture = try MachineFixture()
        folder = try TemporaryDirectory(mode: 0o755)
        // The folder's owner decides who serves it where root asks.
        if CurrentUser.isRoot { try Paths.setOwner(folder.path, 61_500, 61_500) }
    }

    @Test func aGuestThatBootsInThePlaceOfAnotherFindsAServer() async throws {
        let directory = fixture.directory("abcd1234")
        try Folder.make(directory.path, mode: 0o700)
        var request = BootRequest(
            id: "abcd1234", name: "debian", memoryMiB: 256, cpus: 1, display: .none, network: "user", accel: "tcg",
            connect: nil)
        (request.share, request.allowShare) = (SharedFolder(path: folder.path, isReadOnly: false), true)
        let version = SessionImage(
            image: VersionImage(
                chosen: try MachineFixture.chosen(size: fixture.image.index.imageSize),
                indexPath: fixture.image.indexPath, file: nil),
            index: fixture.image.index, bootSet: [], ledger: nil)
        let state = SessionState(
            SessionStatus(
                id: "abcd1234", catalog: "test", distribution: "debian", version: "2026-11-30", state: .starting,
                phase: .guest, pid: 1, started: "", consoleLog: directory.log))
        let taken = try await SessionShare.take(
            request, version, places: fixture.places, directory: directory, state: state, note: { _ in }, log: { _ in })
        let share = try #require(taken)
        try await share.serve(emulator: nil)
        var guest: FileHandle? = try UnixListener.connect(to: directory.share, timeout: 5)
        #expect(guest != nil)
        guest = nil
        #expect(await eventually { state.snapshot.share?.state == .failed })
        try await share.serveAgain(emulator: nil)
        #expect(state.snapshot.share?.state == .waiting && state.snapshot.lastError == nil)
        #expect(share.cause(of: CancellationError()) is CancellationError)
        let next = try UnixListener.connect(to: directory.share, timeout: 5)
        try await Task.sleep(for: .milliseconds(300))
        #expect(state.snapshot.share?.state == .waiting)
        withExtendedLifetime(next) {}
        share.end()
    }
}
