import Formats
import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct ParkTests {
    private func words(_ text: String, inPiecesOf size: Int = 1000) -> [ParkWord] {
        var (words, found): (ParkWords, [ParkWord]) = (ParkWords(), [])
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            found += words.take(bytes[start..<min(start + size, bytes.count)])
        }
        return found
    }

    @Test func wordsAreLinesOfTheirOwn() {
        let said =
            "Linux\r\n\r\nOSCIRCULAR-PARKED\r\nlogin: \r\nOSCIRCULAR-NO-PARK the kernel knows no freeze\r\n"
            + "OSCIRCULAR-AWAKE\n\u{1b}[0mOSCIRCULAR-NO-SESSION\r\nOSCIRCULAR-NO-PARK\r\n"
        let expected: [ParkWord] = [
            .parked, .noPark("the kernel knows no freeze"), .awake, .noSession, .noPark("it does not say why"),
        ]
        for size in [1, 7, 1000] { #expect(words(said, inPiecesOf: size) == expected) }
    }

    @Test(arguments: [
        "OSCIRCULAR-AWAKE", "say OSCIRCULAR-AWAKE\r\n", "OSCIRCULAR-AWAKENED\r\n", "OSCIRCULAR-\r\n",
        "OSCIRCULAR-AWAKE\u{0}x\r\n".replacing("\u{0}", with: "-"), "\r\n\r\n",
    ])
    func whatOnlyLooksLikeAWordIsNone(_ text: String) { #expect(words(text) == []) }

    @Test func alineWithoutEndIsNotKept() {
        #expect(words(String(repeating: "x", count: 1 << 20) + "\r\nOSCIRCULAR-AWAKE\r\n") == [.awake])
        let reason = String(repeating: "y", count: 5000)
        guard case .noPark(let kept)? = words("OSCIRCULAR-NO-PARK \(reason)\r\n").first else {
            Issue.record("no word")
            return
        }
        #expect(kept.count < 200)
    }

    @Test func aWatchGivesEachWordOnceAndKeepsFew() async {
        let watch = ParkWatch()
        func say(_ text: String) { Array(text.utf8).withUnsafeBytes { watch.take($0) } }
        #expect(await watch.next(within: .milliseconds(20)) == nil)
        say("OSCIRCULAR-PARKED\r\nOSCIRCULAR-AWA")
        #expect(await watch.next(within: .seconds(5)) == .parked)
        #expect(await watch.next(within: .milliseconds(20)) == nil, "a time that has passed ends nothing")
        async let next = watch.next(within: .seconds(20))
        say("KE\r\n")
        #expect(await next == .awake)
        for _ in 0..<1000 { say("OSCIRCULAR-PARKED\r\n") }
        watch.forget()
        for _ in 0..<1000 { say("OSCIRCULAR-AWAKE\r\n") }
        var count = 0
        while await watch.next(within: .milliseconds(1)) == .awake { count += 1 }
        #expect(count == 16)
    }

    @Test func anAnswerIsAPrompt() async {
        let watch = ParkWatch()
        func say(_ text: String) { Array(text.utf8).withUnsafeBytes { watch.take($0) } }
        say("debian login: ")
        watch.seekAnswer()
        say("\r\n \r\n")
        #expect(await !watch.isAnswered(within: .milliseconds(20)))
        for text in [
            "[   71.2] virtio_blk virtio4: [vdc] 40960 512-byte ", "logical blocks > ", "\r\n", "sshd starts\r\n",
        ] {
            say(text)
            #expect(await !watch.isAnswered(within: .milliseconds(20)), "\(text)")
        }
        for text in ["debian login: ", "~ # ", "\u{1B}[1mann@debian\u{1B}[0m:~$ "] {
            watch.seekAnswer()
            #expect(await !watch.isAnswered(within: .milliseconds(20)))
            say("\r\n" + text)
            #expect(await watch.isAnswered(within: .seconds(5)), "\(text)")
        }
    }

    @Test func loginsAreToldToAllWhoAsk() {
        let watch = LoginWatch()
        let told = Monitor(0)
        watch.whenSeen { told.change { $0 += 1 } }
        watch.whenSeen { told.change { $0 += 1 } }
        for text in ["debian login: ", "\r\ndebian login: "] { Array(text.utf8).withUnsafeBytes { watch.take($0) } }
        #expect(told.change { $0 } == 2)
        watch.whenSeen { told.change { $0 += 1 } }
        #expect(told.change { $0 } == 3, "it was seen before")
    }

    // MARK: Entries

    private static let order = WakeOrder(
        seed: WakeOrder.randomSeed(), hostName: "debian", user: "ann",
        authorizedKey: "ssh-ed25519 AAAA oscircular-host",
        guestKey: Array("-----BEGIN\n".utf8), knownHosts: Array("10.0.2.2 ssh-ed25519 AAAA\n".utf8))

    private func read(_ entries: [GuestSpecification.FirmwareEntry]) throws -> [[UInt8]] {
        try entries.map { try FileContents.read($0.path, limit: 1 << 20) }
    }

    @Test func bothEntriesAlwaysHaveTheirLengths() throws {
        let folder = try TemporaryDirectory()
        var full = Self.order
        full.home = GuestHome(diskPath: "/x", user: "ann").script(
            authorizedKey: full.authorizedKey, passwordHash: "$6$x")
        full.share = GuestShare(kind: .virtiofs, path: "/x", isReadOnly: true, socketPath: "/y").script
        (full.passwordHash, full.instanceID) = (String(repeating: "h", count: 106), "oscircular-abcdefgh")
        full.guestKey = [UInt8](repeating: 65, count: 411)
        for order in [nil, Self.order, full] {
            let entries = try #require(try ParkEntries.write(order, to: folder.path), "both scripts find room")
            #expect(entries.map(\.name) == ["opt/oscircular/park", "opt/oscircular/session"])
            let bytes = try read(entries)
            #expect(bytes.map(\.count) == [64, 16_384])
            #expect(String(decoding: bytes[0], as: UTF8.self).filter { $0 != "\n" } == "park 1")
            #expect((bytes[1][0] == 0) == (order == nil), "a template is told nothing")
            #expect(order != nil || bytes[1].allSatisfy { $0 == 0 })
            for entry in entries { #expect(try Paths.status(entry.path)?.permissions == 0o600) }
        }
        ParkEntries.remove(from: folder.path)
        #expect(Folder.namesIfAny(in: folder.path) == [])
    }

    @Test func whatAGuestIsToldIsLinesInBase64() throws {
        var order = Self.order
        order.home = "#!/bin/sh\necho 'a=b'\n"
        let lines = order.text.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        #expect(
            lines.map { $0[0] } == ["SEED", "HOSTNAME", "USER", "AUTHORIZED_KEY", "GUEST_KEY", "KNOWN_HOSTS", "HOME"])
        let values = try lines.map { try #require(Base64.bytes($0[1])) }
        #expect(values[0] == order.seed && values[0].count == 64)
        #expect(String(decoding: values[1], as: UTF8.self) == "debian" && values[4] == order.guestKey)
        #expect(String(decoding: values[6], as: UTF8.self) == order.home)
        order.hostName = nil
        #expect(!order.text.contains("HOSTNAME"))
        #expect(WakeOrder.randomSeed() != WakeOrder.randomSeed())
    }

    @Test func whatIsTooLongIsNotCut() throws {
        let folder = try TemporaryDirectory()
        var order = Self.order
        order.share = String(repeating: "#", count: 12_288)
        #expect(try ParkEntries.write(order, to: folder.path) == nil)
        #expect(Folder.namesIfAny(in: folder.path) == [])
    }
}
