import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct GuestConsoleTests {
    private let folder: TemporaryDirectory
    private var guestPath: String { folder.path("serial") }
    private var viewerPath: String { folder.path("console") }
    private var logPath: String { folder.path("log") }

    init() throws { folder = try TemporaryDirectory() }

    private func console(
        logSize: Int = GuestConsole.logSize, observer: GuestConsole.Observer? = nil
    ) throws -> GuestConsole {
        try GuestConsole(
            guestSocketPath: guestPath, viewerSocketPath: viewerPath, logPath: logPath, logSize: logSize,
            observer: observer)
    }

    private func text(_ path: String) -> String { (try? FileContents.readText(path, limit: 1 << 20)) ?? "" }

    @Test func writesAllThatTheGuestSaysToTheLog() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        try guest.say("Booting\r\n")
        #expect(await eventually { text(logPath) == "Booting\r\n" })
        try guest.say("login: ")
        #expect(await eventually { text(logPath) == "Booting\r\nlogin: " })
        await console.finish()
    }

    @Test func theLogHoldsTextOnly() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        try guest.say("\u{1b}[32mready\u{1b}[0m\u{1b}]52;c;AAAA\u{7}\u{1b}[6n\u{1b}[?1049h")
        try guest.say("\r\ndone\r\n")
        #expect(await eventually { text(logPath) == "ready\r\ndone\r\n" })
        // Viewers have a filter of their own, which knows their terminal.
        #expect(try await FakeGuest(viewerPath).hearText(8) == "\u{1b}[32mrea")
        await console.finish()
    }

    @Test func theLastWordsBeforeTheEndAreInTheLog() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        #expect(try await FakeGuest(viewerPath).hear(0) != nil)
        try guest.say("begin ")
        #expect(await eventually { text(logPath) == "begin " })
        try guest.say(String(repeating: "x", count: 50_000) + "Power down")
        await console.finish()
        #expect(text(logPath).count == 6 + 50_000 + 10)
        #expect(text(logPath).hasSuffix("Power down"))
    }

    @Test func whoComesToAGuestThatHasWokenSeesWhatItSaidSince() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        try guest.say("noise\r\nOSCIRCULAR-AWAKE\r\n")
        #expect(await eventually { text(logPath).hasSuffix("AWAKE\r\n") })
        try guest.say("debian login: ")
        #expect(await eventually { text(logPath).hasSuffix("login: ") })
        #expect(try await FakeGuest(viewerPath).hearText(14) == "debian login: ")
        await console.finish()
    }

    @Test func aPromptIsAskedForByOneWhoStays() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        try guest.say("debian login: ")
        #expect(await eventually { text(logPath).hasSuffix("login: ") })
        let request = try PromptRequest(at: viewerPath)
        #expect(try await guest.hearText(1) == "\r")
        withExtendedLifetime(request) {}
        await console.finish()
    }

    @Test func anObserverSeesWhatTheGuestSays() async throws {
        let seen = Mutex("")
        let console = try console { bytes in seen.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
        try FakeGuest(guestPath).say("debian login: ")
        #expect(await eventually { seen.withLock { $0.hasSuffix("login: ") } })
        await console.finish()
    }

    @Test func aLateViewerGetsTheBacklogThenWhatComes() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        try guest.say("earlier;")
        #expect(await eventually { text(logPath) == "earlier;" })
        let viewer = try FakeGuest(viewerPath)
        #expect(try await viewer.hearText(8) == "earlier;")
        try guest.say("now")
        #expect(try await viewer.hearText(3) == "now")
        await console.finish()
    }

    @Test func theBacklogHoldsTheLast64KiB() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        try guest.say([UInt8](repeating: 0x61, count: 100_000) + [UInt8](repeating: 0x62, count: 60_000))
        #expect(await eventually { text(logPath).count == 160_000 })
        let viewer = try FakeGuest(viewerPath)
        let backlog = try #require(try await viewer.hear(65_536))
        #expect(backlog == [UInt8](repeating: 0x61, count: 5_536) + [UInt8](repeating: 0x62, count: 60_000))
        try guest.say("!")
        #expect(try await viewer.hearText(1) == "!")
        await console.finish()
    }

    @Test func whatAnyViewerTypesGoesToTheGuest() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        let (first, second) = (try FakeGuest(viewerPath), try FakeGuest(viewerPath))
        try guest.say("?")
        #expect(try await first.hearText(1) == "?")
        try first.say("root\r")
        #expect(try await guest.hearText(5) == "root\r")
        try second.say("exit\r")
        #expect(try await guest.hearText(5) == "exit\r")
        await console.finish()
    }

    @Test func aViewerThatDoesNotReadIsDroppedAndHoldsNobodyUp() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        let (slow, quick) = (try FakeGuest(viewerPath), try FakeGuest(viewerPath))
        // Twice what may wait for the slow one.
        for _ in 0..<32 {
            async let heard = quick.hear(1 << 18)
            try await WorkerThread.run(name: "test-say") { try guest.say([UInt8](repeating: 0x7A, count: 1 << 18)) }
            #expect(try await heard?.count == 1 << 18)
        }
        // The slow one finds what its socket holds, then the end.
        #expect(try await slow.isClosed())
        await console.finish()
    }

    @Test func aViewerThatLeavesTakesNobodyAlong() async throws {
        let console = try console()
        let guest = try FakeGuest(guestPath)
        do {
            let brief = try FakeGuest(viewerPath)
            try guest.say("a")
            #expect(try await brief.hearText(1) == "a")
        }
        for _ in 0..<20 { try guest.say("b") }
        let viewer = try FakeGuest(viewerPath)
        #expect(try await viewer.hearText(21) == "a" + String(repeating: "b", count: 20))
        await console.finish()
    }

    @Test func aGuestThatConnectsAnewReplacesTheOld() async throws {
        let console = try console()
        let viewer = try FakeGuest(viewerPath)
        let old = try FakeGuest(guestPath)
        try old.say("1")
        #expect(try await viewer.hearText(1) == "1")
        let new = try FakeGuest(guestPath)
        try new.say("2")
        #expect(try await viewer.hearText(1) == "2")
        #expect(try await old.isClosed())
        await console.finish()
    }

    @Test func theLogIsRotatedAtItsLimit() async throws {
        let console = try console(logSize: 10_000)
        let guest = try FakeGuest(guestPath)
        for digit in 0..<3 {
            try guest.say([UInt8](repeating: UInt8(0x30 + digit), count: 6_000))
            #expect(await eventually { text(logPath).hasSuffix("\(digit)") && text(logPath).count == 6_000 })
        }
        #expect(text(logPath + ".1") == String(repeating: "1", count: 6_000))
        await console.finish()
    }

    @Test func socketsAreTheOwnersOnlyAndGoneAtTheEnd() async throws {
        let console = try console()
        for path in [guestPath, viewerPath, logPath] {
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600, "\(path)")
        }
        let viewer = try FakeGuest(viewerPath)
        await console.finish()
        #expect(try await viewer.isClosed())
        #expect(access(guestPath, F_OK) == -1 && access(viewerPath, F_OK) == -1)
        #expect(access(logPath, F_OK) == 0)
    }

    @Test func aPathTooLongForASocketIsAnError() throws {
        let long = folder.path(String(repeating: "s", count: 120))
        #expect(throws: SystemCallError.self) {
            try GuestConsole(guestSocketPath: long, viewerSocketPath: viewerPath, logPath: logPath)
        }
    }
}
