import Glibc
import Linux
import TestSupport
import Testing

@testable import SFTP

/// Copies with OpenSSH's own server at the other end of a pipe.
@Suite(
    .enabled(if: SFTPServerProgram.isThere, "SKIPPED: needs the package openssh-sftp-server"), .timeLimit(.minutes(1)))
struct CopyTests {

    private let folder: TemporaryDirectory
    private let guest: String

    init() throws {
        folder = try TemporaryDirectory()
        guest = try folder.makeFolder("guest")
    }

    /// Runs `body` with a server whose login's home is the folder `guest`.
    private func withServer<Value>(cancel: EventDescriptor? = nil, _ body: (SFTPConnection) throws -> Value) throws
        -> Value
    {
        let (up, down) = (try Pipe(), try Pipe())
        let child = try ChildProcess(
            SFTPServerProgram.path, ["-d", guest], standardInput: up.reading.descriptor,
            standardOutput: down.writing.descriptor)
        defer {
            child.send(.kill)
            child.wait()
        }
        return try body(try SFTPConnection(reading: down.reading, writing: up.writing, cancel: cancel, patience: 10))
    }

    @discardableResult
    private func download(_ source: String, to target: String, _ options: CopyOptions = CopyOptions()) throws
        -> [CopyEvent]
    {
        var events: [CopyEvent] = []
        try withServer { server in
            try Download(server, options) { if case .progress = $0 {} else { events.append($0) } }
                .copy(source, to: target)
        }
        return events
    }

    @discardableResult
    private func upload(_ source: String, to target: String, _ options: CopyOptions = CopyOptions()) throws
        -> [CopyEvent]
    {
        var events: [CopyEvent] = []
        try withServer { server in
            try Upload(server, options) { if case .progress = $0 {} else { events.append($0) } }
                .copy(source, to: target)
        }
        return events
    }

    private let big = (0..<700_001).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    @Test(arguments: ["plain", "with space", "it's \"quoted\" `here` $(x)", "naïve ☕", "-n", "a:b"])
    func copiesAFileBothWays(name: String) throws {
        try folder.write(big, to: "guest/\(name)")
        try Paths.setPermissions(folder.path("guest/\(name)"), 0o4751)
        #expect(try download(name, to: folder.path("copy")).isEmpty)
        #expect(try folder.bytes("copy") == big)
        #expect(try Paths.statusOfName(folder.path("copy"))?.permissions == 0o751 & ~Self.umask)
        _ = try folder.makeFolder("guest/inbox")
        try Paths.rename(folder.path("copy"), to: folder.path(name))
        #expect(try upload(folder.path(name), to: "inbox").isEmpty)
        #expect(try folder.bytes("guest/inbox/\(name)") == big)
        #expect(TemporaryDirectory.names(guest + "/inbox") == [name], "nothing unfinished stays")
    }

    private static let umask: mode_t = {
        let mask = Glibc.umask(0o022)
        _ = Glibc.umask(mask)
        return mask
    }()

    @Test func copiesAnEmptyFile() throws {
        try folder.write([], to: "guest/empty")
        _ = try download("empty", to: folder.path)
        #expect(try folder.bytes("empty").isEmpty)
    }

    @Test func overwritesNothingUnlessAsked() throws {
        try folder.write([1], to: "guest/a")
        try folder.write([2], to: "a")
        #expect(throws: CopyError.exists("a")) { try download("a", to: folder.path) }
        #expect(throws: CopyError.exists("a in the guest")) { try upload(folder.path("a"), to: "a") }
        #expect(try folder.bytes("a") == [2])
        #expect(try folder.bytes("guest/a") == [1])
        _ = try download("a", to: folder.path, CopyOptions(overwrites: true))
        #expect(try folder.bytes("a") == [1])
        try folder.write([3], to: "a")
        _ = try upload(folder.path("a"), to: "a", CopyOptions(overwrites: true))
        #expect(try folder.bytes("guest/a") == [3])
    }

    @Test func aFolderIsNeverReplacedByAFile() throws {
        try folder.write([1], to: "guest/a")
        try folder.makeFolder("target/a")
        #expect(throws: CopyError.self) { try download("a", to: folder.path("target"), CopyOptions(overwrites: true)) }
        #expect(Folder.isFolder(folder.path("target/a")))
        #expect(TemporaryDirectory.names(folder.path("target")) == ["a"])
    }

    @Test func copiesFoldersOnlyWhenAsked() throws {
        try folder.makeFolder("guest/tree/inner")
        try folder.write([1], to: "guest/tree/inner/one")
        try folder.write([2], to: "guest/tree/two")
        #expect(throws: CopyError.isFolder("tree")) { try download("tree", to: folder.path("got")) }
        _ = try download("tree", to: folder.path("got"), CopyOptions(isRecursive: true))
        #expect(folder.files(below: "got") == ["got/inner/one", "got/two"])
        #expect(throws: CopyError.isFolder(folder.path("got"))) { try upload(folder.path("got"), to: "back") }
        _ = try upload(folder.path("got"), to: "back", CopyOptions(isRecursive: true))
        #expect(folder.files(below: "guest/back") == ["guest/back/inner/one", "guest/back/two"])
        // Again: what is there stays, and is said.
        #expect(throws: CopyError.incomplete(leftOut: 2, copied: 2)) {
            try download("tree/", to: folder.path("got/.."), CopyOptions(isRecursive: true))
            try download("tree", to: folder.path, CopyOptions(isRecursive: true))
        }
    }

    @Test func linksAreNotFollowedOutOfEither() throws {
        try folder.write([9], to: "secret")
        try folder.makeFolder("guest/tree")
        try Paths.makeLink(folder.path("guest/tree/link"), to: folder.path("secret"))
        try Paths.makeLink(folder.path("guest/direct"), to: folder.path("secret"))
        #expect(throws: CopyError.isLink("direct")) { try download("direct", to: folder.path("x")) }
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: 1)) {
            try download("tree", to: folder.path("got"), CopyOptions(isRecursive: true))
        }
        #expect(folder.files(below: "got").isEmpty)
        try folder.makeFolder("own")
        try Paths.makeLink(folder.path("own/link"), to: folder.path("secret"))
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: 1)) {
            try upload(folder.path("own"), to: "up", CopyOptions(isRecursive: true))
        }
        #expect(folder.files(below: "guest/up").isEmpty)
        // What the user names is the user's word.
        try Paths.makeLink(folder.path("named"), to: folder.path("secret"))
        _ = try upload(folder.path("named"), to: "named")
        #expect(try folder.bytes("guest/named") == [9])
    }

    @Test func namesThatAreNotTextAreLeftOutAndTheRestCopied() throws {
        try folder.makeFolder("guest/tree")
        try folder.write([1], to: "guest/tree/good")
        let bad = open(folder.path("guest/tree") + "/\u{1}", O_CREAT | O_WRONLY, 0o600)
        #expect(bad >= 0)
        close(bad)
        let raw = (Array((folder.path("guest/tree") + "/bad").utf8) + [0xFF, 0]).map { CChar(bitPattern: $0) }
        let other = open(raw, O_CREAT | O_WRONLY, 0o600)
        #expect(other >= 0)
        close(other)
        #expect(throws: CopyError.incomplete(leftOut: 2, copied: 2)) {
            try download("tree", to: folder.path("got"), CopyOptions(isRecursive: true))
        }
        #expect(folder.files(below: "got") == ["got/good"])
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: 3)) {
            try upload(folder.path("guest/tree"), to: "up", CopyOptions(isRecursive: true))
        }
    }

    @Test func whatIsMissingIsSaid() throws {
        #expect(throws: CopyError.notFound("none in the guest")) { try download("none", to: folder.path) }
        #expect(throws: CopyError.notFound(folder.path("none"))) { try upload(folder.path("none"), to: "x") }
        try folder.write([1], to: "guest/a")
        #expect(throws: CopyError.isNoFolder(folder.path("no/"))) { try download("a", to: folder.path("no/")) }
        #expect(throws: CopyError.isNoFolder("no/ in the guest")) { try upload(folder.path("guest/a"), to: "no/") }
        #expect(throws: CopyError.needsName("/")) { try download("/", to: folder.path, CopyOptions(isRecursive: true)) }
    }

    @Test func aFileThatGrowsIsCopiedAsItWas() throws {
        try folder.write(big, to: "guest/log")
        var events: [CopyEvent] = []
        let path = folder.path("guest/log")
        var hasGrown = false
        try withServer { server in
            try Download(server, CopyOptions()) { event in
                if case .progress = event {
                    guard !hasGrown else { return }
                    hasGrown = true
                    // Its end is not needed for the test.
                    let file = try? FileHandle(path, for: .writing, [.append])
                    try? [UInt8](repeating: 1, count: 1000).withUnsafeBytes { try file?.write($0) }
                } else {
                    events.append(event)
                }
            }.copy("log", to: folder.path("copy"))
        }
        #expect(try folder.bytes("copy") == big)
        #expect(events.count == 1)
    }

    @Test func anInterruptedUploadLeavesNothingInTheGuest() throws {
        let cancel = try EventDescriptor()
        try folder.write(big, to: "source")
        #expect(throws: CopyError.remote(.interrupted)) {
            try withServer(cancel: cancel) { server in
                try Upload(server, CopyOptions()) { if case .progress = $0 { cancel.signal() } }
                    .copy(folder.path("source"), to: "target")
            }
        }
        #expect(TemporaryDirectory.names(guest).isEmpty)
    }
}

enum SFTPServerProgram {
    static let path = "/usr/lib/openssh/sftp-server"
    static let isThere = Paths.allows(.executing, path)
}
