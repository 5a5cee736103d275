/// What becomes of one frame from the guest.
package enum FrameVerdict: Sendable, Equatable {
    /// - opensFlow: libslirp may open a socket of the host for it.
    case allow(opensFlow: Bool)
    case drop(FrameDropReason)
}

/// Why a frame goes no further.
package enum FrameDropReason: String, Sendable, CaseIterable {
    /// Shorter than its headers say, or headers that contradict themselves.
    case malformed
    /// Neither IPv4 nor ARP (IPv6 among them), or an ARP that is not about the virtual network.
    case protocolNotCarried
    case ipFragment
    case ipOptions
    /// Not the guest's own address.
    case wrongSource
    /// An address or port of the virtual network that offers nothing.
    case virtualNetwork
    /// 0/8, 127/8, 169.254/16, multicast and above, broadcast.
    case specialAddress
    case hostAddress
    /// The host's addresses could not be read, so any address might be one.
    case hostAddressesUnknown
    /// Private networks without `lan`.
    case privateNetwork
    /// Anything outside in mode `none`.
    case outside
    /// Not the filter's verdict: too many sockets are open already.
    case tooManyFlows
}
