import Linux

/// What a user-mode network looks like to the guest. IPv4 only.
package struct SlirpConfiguration: Sendable {
    package let network: IPv4Prefix
    /// The gateway and DHCP server. No guest forward may use this address.
    package let host: IPv4Address
    /// The first address that DHCP gives out.
    package let firstLease: IPv4Address
    /// Port 53 here is the host's resolver (unless ``restricted``).
    package let nameserver: IPv4Address
    /// The guest reaches forwards only: no world outside, no resolver, no gateway by DHCP.
    package let restricted: Bool
    /// The guest's host name by DHCP.
    package let guestName: String

    package init(
        network: IPv4Prefix, host: IPv4Address, firstLease: IPv4Address, nameserver: IPv4Address, restricted: Bool,
        guestName: String
    ) {
        self.network = network
        self.host = host
        self.firstLease = firstLease
        self.nameserver = nameserver
        self.restricted = restricted
        self.guestName = guestName
    }
}
