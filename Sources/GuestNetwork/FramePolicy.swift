import Linux

/// What ``FrameFilter`` judges by.
package struct FramePolicy: Sendable, Equatable {
    package var mode: GuestNetworkMode
    /// Addresses of this host, on any interface; nil when they are not known, then nothing outside is reachable.
    package var hostAddresses: Set<IPv4Prefix>?
    /// Ports of the guest whose answers to the router are let through, because the host connects to them.
    package var forwardedPorts: Set<UInt16>

    package init(mode: GuestNetworkMode, hostAddresses: Set<IPv4Prefix>?, forwardedPorts: Set<UInt16> = []) {
        self.mode = mode
        self.hostAddresses = hostAddresses
        self.forwardedPorts = forwardedPorts
    }
}
