import Linux
import Testing

@testable import GuestNetwork

struct FrameFilterTests {
    private static let web = IPv4Address(93, 184, 216, 34)
    private static let hostAddress = IPv4Address(198, 51, 100, 7)
    private static let syn: UInt8 = 0x02
    private static let ack: UInt8 = 0x10

    private let frames = FrameBuilder()

    private func verdict(_ frame: [UInt8], _ mode: GuestNetworkMode = .user, knowsHost: Bool = true) -> FrameVerdict {
        let policy = FramePolicy(
            mode: mode, hostAddresses: knowsHost ? [IPv4Prefix(Self.hostAddress, 32)] : nil, forwardedPorts: [22])
        var filter = FrameFilter(policy: policy)
        return frame.withUnsafeBytes { filter.verdict(on: $0) }
    }

    @Test(arguments: GuestNetworkMode.allCases)
    func letsSSHToTheGatewayDHCPAndARPThrough(mode: GuestNetworkMode) {
        #expect(
            verdict(frames.tcp(from: 4000, to: VirtualNetwork.gateway, 22, flags: Self.syn), mode)
                == .allow(opensFlow: true))
        #expect(
            verdict(frames.tcp(from: 4000, to: VirtualNetwork.gateway, 22, flags: Self.ack), mode)
                == .allow(opensFlow: false))
        #expect(verdict(frames.dhcpDiscover(), mode) == .allow(opensFlow: false))
        #expect(verdict(frames.dhcpDiscover(to: VirtualNetwork.router), mode) == .allow(opensFlow: false))
        #expect(verdict(frames.arp(for: VirtualNetwork.gateway), mode) == .allow(opensFlow: false))
    }

    @Test func letsNamesThroughUnlessThereIsNoNetwork() {
        for frame in [
            frames.udp(from: 5000, to: VirtualNetwork.nameserver, 53, frames.question()),
            frames.tcp(from: 5000, to: VirtualNetwork.nameserver, 53, flags: Self.syn),
        ] {
            #expect(verdict(frame, .user) == .allow(opensFlow: true))
            #expect(verdict(frame, .lan) == .allow(opensFlow: true))
            #expect(verdict(frame, .none) == .drop(.virtualNetwork))
        }
    }

    @Test(arguments: GuestNetworkMode.allCases)
    func letsOnlyAnswersOfForwardedPortsToTheRouter(mode: GuestNetworkMode) {
        let router = VirtualNetwork.router
        #expect(
            verdict(frames.tcp(from: 22, to: router, 5000, flags: Self.syn | Self.ack), mode)
                == .allow(opensFlow: false))
        #expect(verdict(frames.tcp(from: 22, to: router, 5000, flags: Self.ack), mode) == .allow(opensFlow: false))
        #expect(verdict(frames.tcp(from: 22, to: router, 5000, flags: 0x04), mode) == .allow(opensFlow: false))
        #expect(verdict(frames.tcp(from: 22, to: router, 5000, flags: Self.syn), mode) == .drop(.virtualNetwork))
        #expect(verdict(frames.tcp(from: 22, to: router, 5000, flags: Self.syn | 0x04), mode) == .drop(.virtualNetwork))
        #expect(verdict(frames.tcp(from: 23, to: router, 5000, flags: Self.ack), mode) == .drop(.virtualNetwork))
    }

    @Test(arguments: GuestNetworkMode.allCases)
    func offersNothingElseInsideTheVirtualNetwork(mode: GuestNetworkMode) {
        for last in UInt8.min...UInt8.max {
            let address = IPv4Address(10, 0, 2, last)
            for port: UInt16 in [1, 21, 23, 69, 80, 445, 8080, 65535] {
                #expect(
                    verdict(frames.tcp(from: 4000, to: address, port, flags: Self.syn), mode) == .drop(.virtualNetwork))
                #expect(verdict(frames.udp(from: 4000, to: address, port), mode) == .drop(.virtualNetwork))
            }
            #expect(verdict(frames.ping(address), mode) == .drop(.virtualNetwork))
            if address != VirtualNetwork.gateway {
                #expect(
                    verdict(frames.tcp(from: 4000, to: address, 22, flags: Self.syn), mode) == .drop(.virtualNetwork))
            }
            #expect(verdict(frames.udp(from: 4000, to: address, 22), mode) == .drop(.virtualNetwork))
        }
    }

    @Test(arguments: [
        IPv4Address(0, 0, 0, 0), IPv4Address(0, 1, 2, 3), IPv4Address(127, 0, 0, 1), IPv4Address(127, 255, 255, 254),
        IPv4Address(169, 254, 169, 254), IPv4Address(224, 0, 0, 251), IPv4Address(239, 255, 255, 250),
        IPv4Address(240, 0, 0, 1), IPv4Address(255, 255, 255, 255),
    ])
    func dropsSpecialAddressesInEveryMode(address: IPv4Address) {
        for mode in GuestNetworkMode.allCases {
            #expect(verdict(frames.tcp(from: 4000, to: address, 80, flags: Self.syn), mode) == .drop(.specialAddress))
            #expect(verdict(frames.udp(from: 4000, to: address, 53), mode) == .drop(.specialAddress))
            #expect(verdict(frames.ping(address), mode) == .drop(.specialAddress))
        }
    }

    @Test(arguments: [
        IPv4Address(10, 0, 0, 1), IPv4Address(10, 0, 3, 1), IPv4Address(10, 255, 255, 255), IPv4Address(172, 16, 0, 1),
        IPv4Address(172, 31, 255, 255), IPv4Address(192, 168, 122, 1), IPv4Address(100, 64, 0, 1),
        IPv4Address(100, 127, 255, 255),
    ])
    func reachesPrivateNetworksWithLANOnly(address: IPv4Address) {
        let frame = frames.tcp(from: 4000, to: address, 80, flags: Self.syn)
        #expect(verdict(frame, .user) == .drop(.privateNetwork))
        #expect(verdict(frame, .none) == .drop(.outside))
        #expect(verdict(frame, .lan) == .allow(opensFlow: true))
    }

    @Test(arguments: [
        IPv4Address(11, 0, 0, 1), IPv4Address(172, 15, 0, 1), IPv4Address(172, 32, 0, 1), IPv4Address(192, 167, 0, 1),
        IPv4Address(100, 63, 0, 1), IPv4Address(100, 128, 0, 1), IPv4Address(223, 255, 255, 254),
        IPv4Address(1, 0, 0, 1),
    ])
    func reachesTheNeighboursOfForbiddenRanges(address: IPv4Address) {
        for frame in [
            frames.tcp(from: 4000, to: address, 80, flags: Self.syn), frames.udp(from: 1, to: address, 2),
            frames.ping(address),
        ] {
            #expect(verdict(frame, .user) == .allow(opensFlow: true))
            #expect(verdict(frame, .lan) == .allow(opensFlow: true))
            #expect(verdict(frame, .none) == .drop(.outside))
        }
    }

    @Test func dropsTheHostsAddressesAndEverythingOutsideWhenTheyAreUnknown() {
        let toHost = frames.tcp(from: 4000, to: Self.hostAddress, 22, flags: Self.syn)
        #expect(verdict(toHost, .user) == .drop(.hostAddress))
        #expect(verdict(toHost, .lan) == .drop(.hostAddress))
        let outside = frames.tcp(from: 4000, to: Self.web, 80, flags: Self.syn)
        #expect(verdict(outside, .user) == .allow(opensFlow: true))
        #expect(verdict(outside, .user, knowsHost: false) == .drop(.hostAddressesUnknown))
        let ssh = frames.tcp(from: 4000, to: VirtualNetwork.gateway, 22, flags: Self.syn)
        #expect(verdict(ssh, .user, knowsHost: false) == .allow(opensFlow: true))
    }

    @Test func closesTheNetworksThatTheHostIsInUnlessTheyAreAskedFor() {
        func verdict(_ address: IPv4Address, _ mode: GuestNetworkMode) -> FrameVerdict {
            var filter = FrameFilter(
                policy: FramePolicy(
                    mode: mode, hostAddresses: [IPv4Prefix(Self.hostAddress, 32)],
                    neighbourhoods: [IPv4Prefix(Self.hostAddress, 24)]))
            return frames.tcp(from: 4000, to: address, 80, flags: Self.syn).withUnsafeBytes { filter.verdict(on: $0) }
        }
        let neighbour = IPv4Address(198, 51, 100, 1)
        #expect(verdict(neighbour, .user) == .drop(.neighbourhood))
        #expect(verdict(neighbour, .lan) == .allow(opensFlow: true))
        #expect(verdict(Self.hostAddress, .lan) == .drop(.hostAddress))
        #expect(verdict(IPv4Address(198, 51, 101, 1), .user) == .allow(opensFlow: true))
    }

    /// libslirp sends the guest's frames to the address that it heard last; a false one would cost the guest its connections.
    @Test func believesNoHardwareAddressThatIsNotTheSenders() {
        var filter = FrameFilter(policy: FramePolicy(mode: .user, hostAddresses: []))
        func verdict(_ frame: [UInt8]) -> FrameVerdict { frame.withUnsafeBytes { filter.verdict(on: $0) } }
        var liar = frames
        liar.claimedHardware = [2, 2, 2, 2, 2, 2]
        #expect(verdict(liar.arp(for: VirtualNetwork.gateway)) == .drop(.wrongSource))
        #expect(verdict(liar.dhcpDiscover()) == .drop(.wrongSource))
        #expect(verdict(frames.dhcpDiscover()) == .allow(opensFlow: false))
        // Nor does a second one get a lease: the guest's own would be another's then.
        var other = frames
        other.hardware = [2, 2, 2, 2, 2, 2]
        #expect(verdict(other.dhcpDiscover()) == .drop(.wrongSource))
        #expect(verdict(frames.dhcpDiscover()) == .allow(opensFlow: false))
    }

    @Test func dropsFramesThatAreNotTheGuests() {
        var others = frames
        others.source = IPv4Address(10, 0, 2, 16)
        #expect(verdict(others.tcp(from: 4000, to: VirtualNetwork.gateway, 22, flags: Self.syn)) == .drop(.wrongSource))
        #expect(verdict(others.udp(from: 68, to: IPv4Address(value: .max), 67)) == .drop(.wrongSource))
        #expect(verdict(others.arp(for: VirtualNetwork.gateway)) == .drop(.wrongSource))
        others.source = IPv4Address(value: 0)
        #expect(verdict(others.tcp(from: 4000, to: Self.web, 80, flags: Self.syn)) == .drop(.wrongSource))
        #expect(verdict(others.udp(from: 68, to: Self.web, 67)) == .drop(.wrongSource))
    }

    @Test func dropsFragmentsOptionsAndOtherProtocols() {
        var odd = frames
        odd.fragment = 0x2000
        #expect(verdict(odd.udp(from: 1, to: Self.web, 2)) == .drop(.ipFragment))
        odd.fragment = 0x0001
        #expect(verdict(odd.udp(from: 1, to: Self.web, 2)) == .drop(.ipFragment))
        odd.fragment = 0x8000
        #expect(verdict(odd.udp(from: 1, to: Self.web, 2)) == .drop(.malformed))
        odd = frames
        odd.options = [0x83, 4, 4, 0]
        #expect(verdict(odd.udp(from: 1, to: Self.web, 2)) == .drop(.ipOptions))
        for number: UInt8 in [0, 2, 4, 41, 47, 50, 58, 132, 255] {
            #expect(
                verdict(frames.ip(number, to: Self.web, [UInt8](repeating: 0, count: 40))) == .drop(.protocolNotCarried)
            )
        }
        for type: UInt16 in [0x86DD, 0x8100, 0x88A8, 0x0842, 0x0000, 0x05DC, 0xFFFF] {
            #expect(verdict(frames.ethernet(type, [UInt8](repeating: 0x60, count: 60))) == .drop(.protocolNotCarried))
        }
        #expect(verdict(frames.arp(for: IPv4Address(192, 168, 1, 1))) == .drop(.protocolNotCarried))
    }

    @Test func neverAllowsAFrameThatIsCutAnywhere() {
        for frame in [
            frames.tcp(from: 4000, to: VirtualNetwork.gateway, 22, flags: Self.syn), frames.dhcpDiscover(),
            frames.arp(for: VirtualNetwork.gateway), frames.ping(Self.web), frames.udp(from: 1, to: Self.web, 2),
        ] {
            for count in 0..<frame.count { #expect(verdict(Array(frame[..<count])) == .drop(.malformed)) }
            if case .drop = verdict(frame) { Issue.record("the whole frame is dropped") }
        }
    }

    /// What the filter lets through must be aimed at an allowed place, whatever else is in the frame.
    @Test(arguments: 1...8)
    func survivesGarbageAndAllowsOnlyWhatItShould(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let seeds = [
            frames.tcp(from: 22, to: VirtualNetwork.router, 22, flags: Self.ack), frames.dhcpDiscover(),
            frames.arp(for: VirtualNetwork.gateway),
            frames.udp(from: 5000, to: VirtualNetwork.nameserver, 53, frames.question()),
            frames.tcp(from: 22, to: IPv4Address(127, 0, 0, 1), 80, flags: Self.syn),
        ]
        for round in 0..<20_000 {
            var frame = seeds[round % seeds.count]
            if round % 7 == 0 {
                frame = (0..<Int.random(in: 0...80, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            }
            for _ in 0..<Int.random(in: 0...4, using: &random) where !frame.isEmpty {
                frame[Int.random(in: 0..<min(frame.count, 60), using: &random)] = .random(in: 0...255, using: &random)
            }
            if round % 3 == 0 { frame = Array(frame.prefix(Int.random(in: 0...frame.count, using: &random))) }
            guard case .allow = verdict(frame, .user), frame[12] == 8, frame[13] == 0 else { continue }
            let destination = IPv4Address(frame[30], frame[31], frame[32], frame[33])
            #expect(
                !FrameFilter.privateNetworks.contains { $0.contains(destination) } || [2, 3, 254].contains(frame[33]))
            #expect(!FrameFilter.special.contains { $0.contains(destination) } || destination.value == .max)
            #expect(frame[14] == 0x45 && frame.count >= 34)
        }
    }
}

/// SplitMix64: the same bytes on every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
