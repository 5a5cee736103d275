import Linux

/// The addresses that the guest sees.
package enum VirtualNetwork {
    /// All of them lie in here.
    package static let network = IPv4Prefix(IPv4Address(10, 0, 2, 0), 24)
    /// The ssh gateway, port 22: the session's user on the host.
    package static let gateway = IPv4Address(10, 0, 2, 2)
    /// Where port 53 is the host's resolver.
    package static let nameserver = IPv4Address(10, 0, 2, 3)
    /// The guest, by DHCP.
    package static let guest = IPv4Address(10, 0, 2, 15)
    /// libslirp's own address: router, DHCP server, and where host-to-guest connections seem to come from.
    package static let router = IPv4Address(10, 0, 2, 254)
    /// The port of both ssh servers.
    package static let sshPort: UInt16 = 22
}
