import Linux
import Testing

@testable import GuestNetwork

struct DNSQuestionTests {
    private let frames = FrameBuilder()

    private func isWellFormed(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { DNSQuestion.isWellFormed($0) } }

    @Test func takesWhatResolversAsk() {
        for name in [
            "", "org", "example.org", "_sip._tcp.example.org", "xn--mnchen-3ya.de", "4/28.2.0.192.in-addr.arpa",
        ] {
            #expect(isWellFormed(frames.question(name)), "\(name)")
        }
        // A, NS, SOA, PTR, MX, TXT, AAAA, SRV, DS, DNSKEY, HTTPS, ANY.
        for type: UInt16 in [1, 2, 6, 12, 15, 16, 28, 33, 43, 48, 65, 255] {
            #expect(isWellFormed(frames.question(type: type)))
        }
        var plain = Array(frames.question().dropLast(11))
        plain[11] = 0
        #expect(isWellFormed(plain), "without EDNS")
        #expect(isWellFormed(frames.question(String(repeating: "a", count: 63) + ".org")))
    }

    @Test func refusesWhateverElseSomebodyCouldUnderstand() {
        let question = frames.question()
        for count in 0..<question.count { #expect(!isWellFormed(Array(question[..<count]))) }
        #expect(!isWellFormed(question + [0]), "something behind it")
        for text in ["GET / HTTP/1.0\r\n\r\n", "EHLO there\r\n", "SSH-2.0-x\r\n"] {
            #expect(!isWellFormed(Array(text.utf8)))
            #expect(!isWellFormed(frames.question(text.replacing(".", with: "-"))), "as a label")
        }
        for type: UInt16 in [251, 252] { #expect(!isWellFormed(frames.question(type: type)), "a whole zone") }
        // Byte by byte: an answer, another operation, truncated, reserved; two questions; answers; two additions.
        for (place, value): (Int, UInt8) in [
            (2, 0x81), (2, 0x29), (2, 0x03), (3, 0x40), (3, 0x80), (3, 0x01), (5, 2), (5, 0), (7, 1), (9, 1), (11, 2),
        ] {
            var other = question
            other[place] = value
            #expect(!isWellFormed(other), "byte \(place)")
        }
        var pointer = question
        pointer[12] = 0xC0
        #expect(!isWellFormed(pointer))
        var chaos = question
        chaos[question.count - 12] = 3
        #expect(!isWellFormed(chaos), "class CHAOS")
    }

    @Test func refusesNamesThatAreTooLong() {
        let label = String(repeating: "a", count: 63)
        #expect(isWellFormed(frames.question([label, label, label].joined(separator: "."))))
        #expect(!isWellFormed(frames.question([label, label, label, label].joined(separator: "."))))
    }

    /// By TCP the guest says where each byte goes: what libslirp puts together must be questions, too.
    @Test func takesQuestionsByTCPOneAfterTheOther() {
        var filter = FrameFilter(policy: FramePolicy(mode: .user, hostAddresses: []))
        func send(_ data: [UInt8], at sequence: UInt32, flags: UInt8 = 0x18, port: UInt16 = 5000) -> FrameVerdict {
            frames.tcp(from: port, to: VirtualNetwork.nameserver, 53, flags: flags, sequence: sequence, data)
                .withUnsafeBytes { filter.verdict(on: $0) }
        }
        let question = [0, UInt8(frames.question().count)] + frames.question()
        let length = UInt32(question.count)
        #expect(send(question, at: 101) == .drop(.notAQuestion), "before the connection")
        #expect(send(question, at: 100, flags: 0x02) == .drop(.notAQuestion), "with its first segment")
        #expect(send([], at: 100, flags: 0x02) == .allow(opensFlow: true))
        #expect(send([], at: 101, flags: 0x10) == .allow(opensFlow: false))
        #expect(send(question, at: 101) == .allow(opensFlow: false))
        #expect(send(question, at: 101) == .allow(opensFlow: false), "sent again")
        #expect(send(question + question, at: 101 + length) == .allow(opensFlow: false))
        #expect(send(question, at: 101 + 4 * length) == .drop(.notAQuestion), "out of order")
        #expect(send(question, at: 90) == .drop(.notAQuestion), "over what was there")
        #expect(send(Array(question.dropLast()), at: 101 + 3 * length) == .drop(.notAQuestion))
        #expect(send(Array("GET / HTTP/1.0\r\n\r\n".utf8), at: 101 + 3 * length) == .drop(.notAQuestion))
        #expect(send(question, at: 101 + 3 * length, port: 5001) == .drop(.notAQuestion), "another connection")
        #expect(send([], at: 101 + 3 * length, flags: 0x11) == .allow(opensFlow: false))
    }

    @Test func byUDPNothingElseReachesTheResolver() {
        var filter = FrameFilter(policy: FramePolicy(mode: .user, hostAddresses: []))
        for data: [UInt8] in [[], [1, 2, 3, 4], Array("GET / HTTP/1.0\r\n\r\n".utf8)] {
            let frame = frames.udp(from: 5000, to: VirtualNetwork.nameserver, 53, data)
            #expect(frame.withUnsafeBytes { filter.verdict(on: $0) } == .drop(.notAQuestion))
        }
    }
}

struct FlowRateTests {
    @Test func letsABurstThroughAndThenSoManyASecond() {
        var rate = FlowRate()
        var now: UInt64 = 5_000_000_000
        var count = 0
        while rate.allows(datagramsFrom: nil, at: now) { count += 1 }
        #expect(count == FlowRate.burst)
        now += 1_000_000_000
        count = 0
        while rate.allows(datagramsFrom: nil, at: now) { count += 1 }
        #expect((FlowRate.rate - 1...FlowRate.rate).contains(count))
        now += 60_000_000_000
        count = 0
        while rate.allows(datagramsFrom: nil, at: now) { count += 1 }
        #expect(count == FlowRate.burst, "a rest is worth no more than a burst")
    }

    @Test func countsDatagramsFromOnePortOnce() {
        var rate = FlowRate()
        let now: UInt64 = 5_000_000_000
        var count = 0
        for _ in 0..<10_000 where rate.allows(datagramsFrom: 4000, at: now) { count += 1 }
        #expect(count == 10_000)
        count = 0
        for port in UInt16(5000)...7000 where rate.allows(datagramsFrom: port, at: now) { count += 1 }
        #expect(count == FlowRate.burst - 1)
        let goesOn = rate.allows(datagramsFrom: 4000, at: now + 1_000_000)
        #expect(goesOn)
    }
}
