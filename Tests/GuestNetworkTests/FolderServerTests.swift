import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

/// The server of a shared folder, without a guest.
@Suite(
    .serialized, .timeLimit(.minutes(1)),
    .enabled(
        if: FolderServer.isInstalled && (try? HostProgram.bwrap.path()) != nil,
        "SKIPPED: needs virtiofsd and bubblewrap"))
struct FolderServerTests {
    private let folder: TemporaryDirectory
    private let user = CurrentUser.isRoot ? FolderServer.User(SandboxUser(number: 61_500), name: "61500") : nil

    init() throws {
        folder = try TemporaryDirectory(mode: 0o755)
        try folder.makeFolder("shared, ro=x")
        if let user { try Paths.setOwner(folder.path("shared, ro=x"), user.uid, user.gid) }
    }

    private func server(
        _ path: String, _ ended: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(GuestNetworkError) -> FolderServer {
        try FolderServer(
            path, isReadOnly: false, user: user, socketPath: folder.path("socket"), socketOwner: nil, ended: ended)
    }

    /// What runs with these words in its command line: numbers of processes.
    private func processes(_ words: String...) -> [String] {
        Folder.namesIfAny(in: "/proc").filter { name in
            // One that has ended has none.
            let line = (try? FileContents.readText("/proc/\(name)/cmdline", limit: 1 << 16)) ?? ""
            return name.allSatisfy(\.isNumber) && words.allSatisfy(line.contains)
        }
    }

    @Test func waitsForAGuestAndEndsWithIt() async throws {
        let words = Words()
        let server = try server(folder.path("shared, ro=x")) { text in words.text.withLock { $0 = text } }
        #expect(await eventually { processes("virtiofsd", "--fd=12").contains { !$0.isEmpty } })
        // It waits, however long it takes until QEMU comes.
        try await Task.sleep(for: .seconds(1))
        #expect(server.isRunning)
        // Nothing of it is root's.
        for process in processes("virtiofsd", "--fd=12") {
            let status = (try? FileContents.readText("/proc/\(process)/status", limit: 1 << 16)) ?? ""
            let owner = status.split(separator: "\n").first { $0.hasPrefix("Uid:") }.map(String.init) ?? ""
            #expect(!owner.contains("\t0"), "\(owner)")
        }
        var guest: FileHandle? = try UnixListener.connect(to: folder.path("socket"), timeout: 5)
        server.closeDoor()
        #expect(try !Paths.isThere(folder.path("socket")), "nobody else gets in")
        #expect(server.isRunning && guest != nil)
        guest = nil
        #expect(await eventually { !server.isRunning })
        #expect(words.text.withLock { $0 } != nil, "and says so")
    }

    @Test func endsWhenItIsToldAndSaysNothingThen() async throws {
        let words = Words()
        let server = try server(folder.path("shared, ro=x")) { text in words.text.withLock { $0 = text } }
        server.end()
        #expect(await eventually { !server.isRunning })
        #expect(words.text.withLock { $0 } == nil)
        #expect(await eventually { processes("virtiofsd", "--fd=12").isEmpty })
    }

    /// A guest that is plugged in to a server that ended would wait for ever.
    @Test func whoComesToAServerThatCouldNotStartIsTurnedAway() async throws {
        let words = Words()
        let server = try server(folder.path("none")) { text in words.text.withLock { $0 = text } }
        #expect(await eventually { !server.isRunning })
        #expect(words.text.withLock { $0 }?.contains("none") == true, "\(words.text.withLock { $0 } ?? "")")
        #expect(throws: SystemCallError.self) { try UnixListener.connect(to: folder.path("socket"), timeout: 5) }
    }

    @Test(.enabled(if: CurrentUser.isRoot, "NOT TESTED: needs root"))
    func isNeverRoots() throws {
        for user in [nil, FolderServer.User(SandboxUser(number: 0), name: "root")] {
            #expect(throws: GuestNetworkError.self) {
                try FolderServer(
                    folder.path, isReadOnly: true, user: user, socketPath: folder.path("socket"), socketOwner: nil
                ) { _ in }
            }
        }
    }

    private final class Words: Sendable { let text = Mutex<String?>(nil) }
}
