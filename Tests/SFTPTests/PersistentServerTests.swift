import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import SFTP

/// A guest that keeps this host busy: by talking on and on, by long names, by many of them.
@Suite(.timeLimit(.minutes(1))) struct PersistentServerTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func takingBackEndsHoweverMuchTheServerSays() throws {
        // Its client leaves before it has said all.
        signal(SIGPIPE, SIG_IGN)
        let (up, down) = (try Pipe(), try Pipe())
        let output = down.writing
        try WorkerThread.start(name: "talker") {
            var bytes: [UInt8] = [0, 0, 0, 5, 2, 0, 0, 0, 3]
            // Then answers to what nobody asked, for ten seconds.
            let answer = ScriptedServer.status(.max, 0)
            let end = MonotonicClock.nanoseconds + 10_000_000_000
            while MonotonicClock.nanoseconds < end, Glibc.write(output.descriptor, bytes, bytes.count) == bytes.count {
                bytes = [0, 0, 0, UInt8(answer.count)] + answer
            }
        }
        let connection = try SFTPConnection(reading: down.reading, writing: up.writing, patience: 1)
        let begin = MonotonicClock.nanoseconds
        #expect(throws: SFTPError.silent(1)) {
            try connection.whileCleaning { () throws(SFTPError) in try connection.remove(Array("x".utf8)) }
        }
        #expect(MonotonicClock.nanoseconds - begin < 5_000_000_000)
    }

    @Test func longNamesAreNotKeptAndDotsAreCounted() throws {
        let left = Mutex(0)
        let tree = LyingTree(entries: {
            [.init(name: [UInt8](repeating: 0x61, count: 200_000), mode: 0o100644), .init("good", 0o100644)]
        })
        let server = try ScriptedServer { tree.answer($0) }
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: 2)) {
            try Download(
                try server.connect(), CopyOptions(isRecursive: true),
                report: { event in
                    guard case .leftOut(let path, let reason) = event else { return }
                    #expect(path.utf8.count < 400 && reason.contains("longer than 255 bytes"))
                    left.withLock { $0 += 1 }
                }
            ).copy("/etc/thing", to: folder.path("in"))
        }
        #expect(left.withLock { $0 } == 1 && folder.files() == ["in/good"])
    }

    @Test func aFolderOfNothingButDotsHasAnEnd() throws {
        let server = try ScriptedServer { request in
            switch SFTPMessage.Kind(rawValue: request.kind) {
            case .statusOfName: return [ScriptedServer.attributes(request.number, mode: 0o040755, size: 0)]
            case .openFolder: return [ScriptedServer.message(.handle, request.number) { $0.add("h".utf8) }]
            case .readFolder:
                let dots = [ScriptedServer.Entry](repeating: .init(".", 0o040755), count: 5000)
                return [ScriptedServer.names(request.number, dots)]
            default: return [ScriptedServer.status(request.number, 0)]
            }
        }
        #expect(throws: CopyError.tooMany("'/etc/thing'", limit: CopyBounds.names.folder)) {
            try Download(try server.connect(), CopyOptions(isRecursive: true), report: { _ in })
                .copy("/etc/thing", to: folder.path("in"))
        }
    }

    @Test func aFileThatBecameShorterBeforeItsFirstByteIsNotWaitedFor() throws {
        let path = try folder.write([UInt8](repeating: 7, count: 1000), to: "short")
        let server = try ScriptedServer { request in
            switch SFTPMessage.Kind(rawValue: request.kind) {
            case .status: return [ScriptedServer.attributes(request.number, mode: 0o040755, size: 0)]
            case .statusOfName: return [ScriptedServer.status(request.number, 2)]
            case .open:
                // Its size has been looked at by now, and nothing of it been read.
                truncate(path, 10)
                return [ScriptedServer.message(.handle, request.number) { $0.add("h".utf8) }]
            default: return [ScriptedServer.status(request.number, 0)]
            }
        }
        #expect(throws: CopyError.changed(path)) {
            try Upload(try server.connect(), CopyOptions(), report: { _ in }).copy(path, to: "")
        }
    }
}
