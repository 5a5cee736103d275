import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import SFTP

/// A guest that has been taken over, and says whatever may hurt this host.
@Suite(.timeLimit(.minutes(1))) struct HostileServerTests {
    private final class Events {
        var left: [String] = []
        var notes: [String] = []

        func take(_ event: CopyEvent) {
            switch event {
            case .leftOut(let path, let reason): left.append("\(path): \(reason)")
            case .note(let text): notes.append(text)
            case .progress: break
            }
        }
    }

    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func download(
        _ tree: LyingTree, overwrites: Bool = false, cancel: EventDescriptor? = nil, patience: Int = 5,
        to target: String? = nil, _ events: Events = Events()
    ) throws {
        let server = try ScriptedServer { tree.answer($0) }
        try Download(
            try server.connect(cancel: cancel, patience: patience),
            CopyOptions(isRecursive: true, overwrites: overwrites), report: events.take
        ).copy("/etc/thing", to: target ?? folder.path("in"))
    }

    @Test func namesThatLeadElsewhereAreLeftOut() throws {
        try folder.write(Array("mine".utf8), to: "outside")
        let names: [String] = [
            "../outside", "/etc/passwd", "a/b", "..", ".", "", "bell\u{7}", "line\nfeed", "\u{1b}[2J", "del\u{7f}",
            "c1\u{9b}31m",
        ]
        let events = Events()
        let tree = LyingTree(entries: {
            var entries = names.map { ScriptedServer.Entry($0, 0o100644) }
            entries.append(.init(name: [0xFF, 0xFE], mode: 0o100644))
            entries.append(.init("good", 0o100644))
            return entries
        })
        // Those that are folders of every folder are no news.
        #expect(throws: CopyError.incomplete(leftOut: names.count - 2 + 1, copied: 2)) {
            try download(tree, events)
        }
        #expect(folder.files() == ["in/good", "outside"])
        #expect(try folder.bytes("outside") == Array("mine".utf8))
        #expect(events.left.count == names.count - 1)
    }

    @Test func linksAndDevicesAreLeftOut() throws {
        let events = Events()
        let tree = LyingTree(entries: {
            [
                .init("link", 0o120777), .init("disk", 0o060660), .init("pipe", 0o010644),
                .init("socket", 0o140755), .init("good", 0o104755),
            ]
        })
        #expect(throws: CopyError.incomplete(leftOut: 4, copied: 2)) { try download(tree, events) }
        #expect(folder.files() == ["in/good"])
        let status = try #require(try Paths.statusOfName(folder.path("in/good")))
        #expect(status.permissions & 0o7000 == 0, "set-user-id does not come along")
        #expect(events.left.first?.contains("no link of a guest is followed") == true)
    }

    /// A link of the user's own in the target's place leads nowhere either.
    @Test func nothingIsWrittenThroughALinkInTheTarget() throws {
        let elsewhere = try folder.makeFolder("elsewhere")
        let tree = LyingTree(entries: { [.init("sub", 0o040755), .init("file", 0o100644)] })
        try Folder.make(folder.path("in/thing"))
        try Paths.makeLink(folder.path("in/thing/sub"), to: elsewhere)
        try Paths.makeLink(folder.path("in/thing/file"), to: folder.path("elsewhere/file"))
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: 2)) {
            try download(tree, overwrites: true, to: folder.path("in"))
        }
        #expect(folder.names(in: "elsewhere").isEmpty)
        // The link itself gave way to the file.
        #expect(try Paths.target(ofLink: folder.path("in/thing/file")) == nil)
    }

    @Test func aMillionNamesAreTooMany() throws {
        let count = Mutex(0)
        let server = try ScriptedServer { request in
            switch SFTPMessage.Kind(rawValue: request.kind) {
            case .statusOfName: return [ScriptedServer.attributes(request.number, mode: 0o040755, size: 0)]
            case .openFolder: return [ScriptedServer.message(.handle, request.number) { $0.add("h".utf8) }]
            case .readFolder:
                let first = count.withLock { count in
                    count += 1000
                    return count
                }
                return [ScriptedServer.names(request.number, (first..<first + 1000).map { .init("\($0)", 0o100644) })]
            default: return [ScriptedServer.status(request.number, 0)]
            }
        }
        #expect(throws: CopyError.tooMany("'/etc/thing'", limit: CopyBounds.names.folder)) {
            try Download(try server.connect(), CopyOptions(isRecursive: true), report: { _ in })
                .copy("/etc/thing", to: folder.path("in"))
        }
        #expect(count.withLock { $0 } <= CopyBounds.names.folder + 2000)
        #expect(folder.files().isEmpty)
    }

    @Test func foldersInFoldersWithoutEndAreTooDeep() throws {
        let events = Events()
        let tree = LyingTree(entries: { [.init("d", 0o040755)] })
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: CopyBounds.depth)) { try download(tree, events) }
        #expect(events.left.first?.contains("folders deep") == true)
    }

    @Test func aFileWithoutEndIsCutWhereItsSizeWas() throws {
        let events = Events()
        let tree = LyingTree(
            size: 100_000, entries: { [.init("endless", 0o100644)] },
            content: { _, count in [UInt8](repeating: 7, count: count) })
        try download(tree, events)
        #expect(try folder.bytes("in/endless").count == 100_000)
    }

    /// One byte at a time is slow, and right.
    @Test func shortAnswersAreAskedForAgain() throws {
        let tree = LyingTree(
            size: 300, entries: { [.init("slow", 0o100644)] },
            content: { offset, _ in [UInt8(truncatingIfNeeded: offset)] })
        try download(tree)
        #expect(try folder.bytes("in/slow") == (0..<300).map { UInt8(truncatingIfNeeded: $0) })
    }

    @Test func aFileThatBecomesShorterIsNotKept() throws {
        let tree = LyingTree(
            size: 100_000, entries: { [.init("gone", 0o100644)] },
            content: { offset, count in offset < 50_000 ? [UInt8](repeating: 1, count: count) : nil })
        let events = Events()
        #expect(throws: CopyError.incomplete(leftOut: 1, copied: 1)) { try download(tree, events) }
        #expect(events.left.first?.contains("became shorter") == true)
        #expect(folder.files().isEmpty)
    }

    @Test(arguments: [0, 70_000])
    func moreBytesThanWereAskedForEndIt(count: Int) throws {
        let tree = LyingTree(
            size: 60_000, entries: { [.init("x", 0o100644)] },
            content: { _, _ in [UInt8](repeating: 1, count: count) })
        let error = #expect(throws: CopyError.self) { try download(tree) }
        guard case .remote(.malformed) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(folder.files().isEmpty)
    }

    @Test func aSizeThatNoDiskHasIsRefusedBeforeAByteComes() throws {
        let tree = LyingTree(size: 1 << 60, entries: { [.init("huge", 0o100644)] })
        #expect(throws: CopyError.noRoom("huge", needed: 1 << 60)) { try download(tree) }
        #expect(folder.files().isEmpty)
    }

    @Test func aDiskThatFillsUpKeepsNoPartOfTheFile() throws {
        let tree = LyingTree(
            size: 200_000, entries: { [.init("big", 0o100644)] },
            content: { _, count in [UInt8](repeating: 1, count: count) })
        let below = folder.path("in")
        let writes = Mutex(0)
        FileCalls.watch { call, path in
            guard call == "pwrite", path.hasPrefix(below) else { return nil }
            return writes.withLock { count in
                count += 1
                return count > 3 ? .error(ENOSPC) : nil
            }
        }
        defer { FileCalls.watch(nil) }
        #expect(throws: CopyError.noRoom("/etc/thing/big", needed: nil)) { try download(tree) }
        #expect(folder.files().isEmpty)
    }

    @Test func nonsenseAndSilenceEndIt() throws {
        let cases: [(@Sendable (ScriptedServer.Request) -> [[UInt8]], SFTPError?)] = [
            ({ _ in [[UInt8](repeating: 0xFF, count: 300 << 10)] }, nil),
            ({ [ScriptedServer.message(.data, $0.number) { $0.add("x".utf8) }] }, nil),
            ({ [ScriptedServer.attributes($0.number &+ 7, mode: 0o100644, size: 1)] }, nil),
            ({ [[SFTPMessage.Kind.attributes.rawValue, 0, 0] + [UInt8($0.number & 0xFF)]] }, nil),
            (
                { request in
                    [
                        ScriptedServer.message(.attributes, request.number) {
                            $0.add(UInt32(0x8000_0000))
                            $0.add(UInt32.max)
                        }
                    ]
                }, nil
            ),
            ({ _ in [] }, .silent(1)),
        ]
        for (answer, expected) in cases {
            let server = try ScriptedServer(answer)
            let error = #expect(throws: CopyError.self) {
                try Download(try server.connect(patience: 1), CopyOptions(), report: { _ in })
                    .copy("thing", to: folder.path("in"))
            }
            guard case .remote(let cause)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            if let expected {
                #expect(cause == expected)
            } else if case .malformed = cause {
            } else {
                Issue.record("\(cause)")
            }
        }
        #expect(folder.files().isEmpty)
    }

    @Test func anInterruptionKeepsNoPartOfTheFile() throws {
        let cancel = try EventDescriptor()
        let tree = LyingTree(
            size: 1 << 20, entries: { [.init("long", 0o100644)] },
            content: { offset, count in
                if offset > 300_000 { cancel.signal() }
                return [UInt8](repeating: 1, count: count)
            })
        #expect(throws: CopyError.remote(.interrupted)) { try download(tree, cancel: cancel) }
        #expect(folder.files().isEmpty)
    }
}

extension TemporaryDirectory {
    func names(in folder: String) -> [String] { TemporaryDirectory.names(path(folder)) }
}
