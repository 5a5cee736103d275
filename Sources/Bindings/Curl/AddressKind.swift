import CCurl
import Glibc
import Linux

/// Where the server of an address is, seen from this machine.
package enum AddressKind: String, Sendable, Codable, CaseIterable {
    /// Anywhere else.
    case internet
    /// Networks that are not part of the internet: RFC 1918, a carrier's shared space (RFC 6598), unique local IPv6.
    case privateNetwork = "private"
    /// This machine's own link.
    case link
    /// Where clouds answer questions about the machine, and give away its rights (169.254.169.254). No server leads there.
    case metadata
    /// The loopback interface.
    case machine
    /// No server's: multicast, broadcast, reserved.
    case reserved

    /// - Parameter bytes: four of IPv4, or sixteen of IPv6, as they are sent.
    package init(_ bytes: [UInt8]) {
        switch bytes.count {
        case 4: self = AddressKind.v4(bytes[...])
        case 16: self = AddressKind.v6(bytes)
        default: self = .reserved
        }
    }

    /// - Parameter text: an address as it is written, without brackets; nil for what is not one.
    package init?(_ text: some StringProtocol) {
        // The interface behind a % does not change what an address is.
        let plain = String(text.prefix { $0 != "%" })
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, plain, &v4) == 1 {
            self.init(withUnsafeBytes(of: v4) { Array($0) })
        } else if inet_pton(AF_INET6, plain, &v6) == 1 {
            self.init(withUnsafeBytes(of: v6) { Array($0) })
        } else {
            return nil
        }
    }

    /// What a host's name alone says, for where only a proxy learns its address. Nil for a host that cannot be judged by its name.
    package init?(host: String) {
        var name = host.lowercased()
        if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
        while name.hasSuffix(".") { name.removeLast() }
        if let kind = AddressKind(name) {
            self = kind
            return
        }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, !labels.contains(where: \.isEmpty), name.utf8.allSatisfy({ $0 < 128 }) else {
            return nil
        }
        if last == "localhost" || last == "localdomain" {
            self = .machine
        } else if AddressKind.metadataNames.contains(name) {
            self = .metadata
        } else if labels.count == 1 || AddressKind.localDomains.contains(where: { name.hasSuffix($0) }) {
            self = .privateNetwork
        } else {
            self = .internet
        }
    }

    /// Ends of names that the public name service never gives: RFC 6762 (with its appendix G), RFC 8375, and ICANN's "internal".
    private static let localDomains = [
        ".local", ".internal", ".intranet", ".private", ".corp", ".home", ".lan", ".home.arpa",
    ]

    /// Names that Google, Amazon and others give to where they answer.
    private static let metadataNames: Set<String> = [
        "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
    ]

    /// The first that contains an address counts.
    private static let v4Kinds: [(IPv4Prefix, AddressKind)] = [
        // Whatever network the number is of: Azure, Alibaba and Oracle; nearly everybody, with Amazon's name server beside it; Amazon's
        // containers; Scaleway and Tencent.
        (IPv4Prefix(IPv4Address(168, 63, 129, 16), 32), .metadata),
        (IPv4Prefix(IPv4Address(100, 100, 100, 200), 32), .metadata),
        (IPv4Prefix(IPv4Address(192, 0, 0, 192), 32), .metadata),
        (IPv4Prefix(IPv4Address(169, 254, 169, 0), 24), .metadata),
        (IPv4Prefix(IPv4Address(169, 254, 170, 0), 24), .metadata),
        (IPv4Prefix(IPv4Address(169, 254, 42, 42), 32), .metadata),
        (IPv4Prefix(IPv4Address(169, 254, 0, 23), 32), .metadata),
        // Linux takes "this host" for loopback.
        (IPv4Prefix(IPv4Address(0, 0, 0, 0), 8), .machine), (IPv4Prefix(IPv4Address(127, 0, 0, 0), 8), .machine),
        (IPv4Prefix(IPv4Address(10, 0, 0, 0), 8), .privateNetwork),
        (IPv4Prefix(IPv4Address(172, 16, 0, 0), 12), .privateNetwork),
        (IPv4Prefix(IPv4Address(192, 168, 0, 0), 16), .privateNetwork),
        (IPv4Prefix(IPv4Address(100, 64, 0, 0), 10), .privateNetwork),
        // Protocol assignments; benchmarks between networks.
        (IPv4Prefix(IPv4Address(192, 0, 0, 0), 24), .privateNetwork),
        (IPv4Prefix(IPv4Address(198, 18, 0, 0), 15), .privateNetwork),
        (IPv4Prefix(IPv4Address(169, 254, 0, 0), 16), .link),
        (IPv4Prefix(IPv4Address(224, 0, 0, 0), 3), .reserved),
    ]

    /// The same of Amazon (`fd00:ec2::254`, and `::23` for containers) and Google (`fd20:ce::254`).
    private static let v6Metadata: [[UInt8]] = [
        [0xfd, 0, 0x0e, 0xc2] + [UInt8](repeating: 0, count: 10) + [0x02, 0x54],
        [0xfd, 0, 0x0e, 0xc2] + [UInt8](repeating: 0, count: 10) + [0, 0x23],
        [0xfd, 0x20, 0, 0xce] + [UInt8](repeating: 0, count: 10) + [0x02, 0x54],
    ]

    private static func v4(_ bytes: ArraySlice<UInt8>) -> AddressKind {
        let address = IPv4Address(value: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        return v4Kinds.first { $0.0.contains(address) }?.1 ?? .internet
    }

    private static func v6(_ bytes: [UInt8]) -> AddressKind {
        func begins(_ prefix: UInt8...) -> Bool { bytes.starts(with: prefix) }
        if bytes.dropLast().allSatisfy({ $0 == 0 }), bytes[15] <= 1 { return .machine }
        // IPv4-compatible, IPv4-mapped, IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        let zeros = [UInt8](repeating: 0, count: 8)
        let embeds =
            bytes.starts(with: zeros + [0, 0, 0, 0]) || bytes.starts(with: zeros + [0, 0, 0xff, 0xff])
            || bytes.starts(with: zeros + [0xff, 0xff, 0, 0])
            || bytes.starts(with: [0, 0x64, 0xff, 0x9b] + zeros)
        if embeds { return v4(bytes[12...]) }
        // NAT64 of a network's own (RFC 8215).
        if begins(0, 0x64, 0xff, 0x9b, 0, 1) { return .privateNetwork }
        // 6to4 (RFC 3056), and Teredo, which inverts the address (RFC 4380).
        if begins(0x20, 0x02) { return v4(bytes[2..<6]) }
        if begins(0x20, 0x01, 0, 0) { return v4(bytes[12...].map { ~$0 }[...]) }
        if v6Metadata.contains(bytes) { return .metadata }
        if bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 { return .link }
        if bytes[0] & 0xfe == 0xfc || bytes[0] == 0xfe && bytes[1] & 0xc0 == 0xc0 { return .privateNetwork }
        return bytes[0] & 0xe0 == 0x20 ? .internet : .reserved
    }

    /// For messages: `127.0.0.1 is …`.
    var words: String {
        switch self {
        case .internet: "on the internet"
        case .privateNetwork: "on a private network"
        case .link: "on this machine's own link"
        case .metadata: "where a cloud tells its machines about themselves"
        case .machine: "this machine itself"
        case .reserved: "not a server's address"
        }
    }
}

/// On whose word a transfer goes where it goes, and therefore where it may lead. Judged by the address that is connected to,
/// so that a name that suddenly means another address is of no use.
package enum TransferReach: Sendable, Hashable, Codable {
    /// The user wrote the URL: its server may be anywhere. Where that redirects to is judged by where the server is.
    case written
    /// A server of this kind wrote it: it leads to the internet, and to addresses of the same kind, but for those that only the user
    /// names: reserved ones, and where clouds answer.
    case named(by: AddressKind)

    func allows(_ kind: AddressKind) -> Bool {
        switch self {
        case .written: true
        case .named(let own): kind == .internet || kind == own && kind != .reserved && kind != .metadata
        }
    }
}

/// A folder behind a URL, and on whose word it is asked.
package struct TransferPlace: Sendable, Hashable, Codable {
    package var url: String
    package var reach: TransferReach

    package init(_ url: String, reach: TransferReach = .written) { (self.url, self.reach) = (url, reach) }

    /// What lies at a path below it.
    package func appending(_ path: String) -> TransferPlace { TransferPlace(url + path, reach: reach) }
}
