/// How much of the world the guest reaches (`--network`). The gateway's ssh at 10.0.2.2 is there in every mode.
package enum GuestNetworkMode: String, Sendable, CaseIterable {
    /// The internet and names, no private network and nothing of this host.
    case user
    /// Also private networks.
    case lan
    /// Nothing but ssh.
    case none
}
