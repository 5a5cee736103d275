import Linux

/// The one-time keys of one session. They die with the session's folder.
package struct SessionKeys: Sendable {
    /// The guest logs in to the gateway with it; its private half goes into the guest.
    package let guestIdentity: SSHKeyPair
    /// By which the guest knows the gateway.
    package let gatewayHost: SSHKeyPair
    /// The host logs in to the guest with it; its private half stays in the session's folder.
    package let hostIdentity: SSHKeyPair

    /// Makes three pairs in `directory`, which is the session's own (0700). Blocks for some ten milliseconds.
    /// - Throws: ``GuestNetworkError``.
    package static func make(in directory: String) throws(GuestNetworkError) -> SessionKeys {
        try PrivateDirectory.make(directory)
        return SessionKeys(
            guestIdentity: try SSHKeyPair.make(at: "\(directory)/guest_ed25519", comment: "oscircular-guest"),
            gatewayHost: try SSHKeyPair.make(at: "\(directory)/gateway_ed25519", comment: "oscircular-gateway"),
            hostIdentity: try SSHKeyPair.make(at: "\(directory)/host_ed25519", comment: "oscircular-host"))
    }
}
