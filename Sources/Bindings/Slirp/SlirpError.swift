import Linux

/// What libslirp refused. It gives no texts, only failure.
package enum SlirpError: Error, Sendable, Equatable {
    /// `slirp_new` gave nothing: the addresses contradict each other.
    case configuration
    /// `slirp_add_unix` refused: the address is outside the network, the host's or the name server's, or taken.
    case guestForward(IPv4Address, port: UInt16)
    /// `slirp_add_hostxfwd` could not listen.
    case hostForward(cause: SystemCallError)
    /// poll failed.
    case poll(SystemCallError)
}

extension SlirpError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration: "libslirp refused the network's addresses"
        case .guestForward(let address, let port): "libslirp cannot forward \(address):\(port)"
        case .hostForward(let cause): "libslirp cannot listen: \(cause)"
        case .poll(let cause): "\(cause)"
        }
    }
}
