import GuestNetwork
import Linux
import TestSupport
import Testing

@testable import Boot

/// Which ports a boot publishes, and how they are written down.
@Suite struct SessionPortsTests {
    private func ports(
        _ asked: [String], _ set: [String]? = nil, network: String = "user", isNetworkAsked: Bool = false
    ) throws -> (publish: [String]?, note: String?) {
        try BootRequest.ports(asked: asked, set: set, network: network, isNetworkAsked: isNetworkAsked)
    }

    @Test func theLineWinsOverTheSettings() throws {
        #expect(try ports([]).publish == nil)
        #expect(try ports([], ["8080:80"]).publish == ["8080:80"])
        #expect(try ports(["1:2"], ["8080:80"]).publish == ["1:2"])
        #expect(try ports([""], ["8080:80"]).publish == nil, "an empty one is none")
        #expect(try ports([], []).publish == nil)
    }

    @Test func aGuestWithoutNetworkHasPortsOnlyWhereBothAreAskedFor() throws {
        #expect(throws: BootError.self) { try ports(["1:2"], network: "none") }
        #expect(try ports(["1:2"], network: "none", isNetworkAsked: true).publish == ["1:2"])
        for isAsked in [true, false] {
            let left = try ports([], ["8080:80"], network: "none", isNetworkAsked: isAsked)
            #expect(left.publish == nil)
            #expect(left.note?.contains("not published") == true)
        }
    }

    @Test func whatIsNoPortIsSaidBeforeAnythingBegins() {
        #expect(throws: PortError.self) { try ports(["80"]) }
        #expect(throws: PortError.self) { try ports([], ["80"], network: "none") }
    }

    @Test(arguments: ["8080:80", "[::1]:8080:80", "0.0.0.0:53:5353/udp"])
    func aPortOfAStatusIsWrittenAsItIsTyped(text: String) throws {
        let port = try #require(SessionStatus.Port(argument: text))
        #expect(port.argument == text)
        #expect(SessionStatus.Port(argument: port.argument) == port)
        #expect(try JSONRoundTrip.of(port) == port)
    }

    @Test func theirJSONHasNamesOfItsOwn() throws {
        var status = SessionStatus(
            id: "a", catalog: "c", distribution: "d", version: "v", state: .running, phase: .up, pid: 1, started: "",
            consoleLog: "")
        #expect(try !JSONRoundTrip.text(of: status).contains("\"ports\""))
        status.ports = [.init(address: "127.0.0.1", port: 8080, guestPort: 80, protocol: "tcp")]
        let text = try JSONRoundTrip.text(of: status.ports)
        for part in ["\"address\":\"127.0.0.1\"", "\"port\":8080", "\"guestPort\":80", "\"protocol\":\"tcp\""] {
            #expect(text.contains(part))
        }
        #expect(try JSONRoundTrip.of(status) == status)
        #expect(status.ports?.first?.text == "127.0.0.1:8080 to 80")
    }

    // MARK: Settings

    private static func configuration(_ text: String) throws -> Configuration {
        var configuration = Configuration()
        try configuration.apply(text, file: "f")
        return configuration
    }

    @Test func aSystemsPortsAreReadAndWritten() throws {
        let configuration = try Self.configuration(
            "[system.\"demo/debian\"]\npublish = [\"8080:80\", \"[::1]:53:53/udp\"]\n")
        let settings = try #require(configuration.systems["demo/debian"])
        #expect(settings.publish == ["8080:80", "[::1]:53:53/udp"])
        #expect(settings.text(.publish) == "8080:80 [::1]:53:53/udp")
        #expect(settings.literal(.publish) == "[\"8080:80\", \"[::1]:53:53/udp\"]")
        var other = SystemSettings()
        #expect(other.set(.publish, to: " 8080:80,[::1]:53:53/udp ") == nil)
        #expect(other.publish == settings.publish)
        #expect(other.set(.publish, to: "8080:80 nonsense")?.contains("nonsense") == true)
        #expect(other.publish == settings.publish, "what is wrong changes nothing")
        #expect(other.set(.publish, to: "") == nil && other.publish == nil)
    }

    @Test func onlyTheUsersOwnSectionsOfOneSystemHavePorts() throws {
        #expect(throws: BootError.self) { try Self.configuration("[guest]\npublish = [\"8080:80\"]\n") }
        #expect(throws: BootError.self) { try Self.configuration("[system.debian]\npublish = [\"8080:80\"]\n") }
        #expect(throws: BootError.self) { try Self.configuration("[system.\"a/b\"]\npublish = \"8080:80\"\n") }
        #expect(throws: BootError.self) { try Self.configuration("[system.\"a/b\"]\npublish = [\"80\"]\n") }
    }

    @Test func anEmptyListOfALaterFileIsNone() throws {
        var configuration = try Self.configuration("[system.\"a/b\"]\npublish = [\"8080:80\"]\n")
        try configuration.apply("[system.\"a/b\"]\npublish = []\n", file: "g")
        #expect(configuration.systems["a/b"]?.publish == [])
    }

    @Test func aPortThatIsTakenEndsTheStart() throws {
        let other = try InternetSocket.bound(to: .loopback(0), .datagram)
        let port = try #require(other.localPort)
        var request = BootRequest(
            id: "a", name: "x", memoryMiB: nil, cpus: nil, display: .none, network: "user", accel: "tcg", connect: nil)
        request.publish = ["\(port):53/udp"]
        #expect(throws: PortError.self) { try SessionPorts.bind(request) }
        // A suspended guest goes on without it, and with the others.
        request.resumes = .memory
        request.publish = ["\(port):53/udp", "nonsense", "127.0.0.2:\(port):53/udp"]
        let (bound, notes) = try SessionPorts.bind(request)
        #expect(bound.map(\.port.description) == ["127.0.0.2:\(port):53/udp"])
        #expect(notes.count == 2 && notes[0].contains("\(port):53/udp is not published"))
        #expect(notes.last?.contains("nonsense") == true)
        request.publish = nil
        #expect(try SessionPorts.bind(request).bound.isEmpty)
    }
}
