import GuestDomain
import GuestNetwork
import Linux

/// Whom the parts of a session of root's run as: each a user that no other session and no other part has. In a user's session, and
/// where no such users can be had, all are nil: then libvirt chooses for QEMU, and ``SandboxUser/current()`` is the others'.
struct SessionUsers: Sendable {
    /// QEMU's.
    let emulator: UserID?
    /// What the guest's logins on the host run as.
    let login: SandboxUser?
    /// The network process's.
    let network: SandboxUser?
    /// Theirs as long as this is there.
    private let claimed: [ClaimedUser]

    private init(_ claimed: [ClaimedUser]) {
        let ids = claimed.map(\.id)
        self.claimed = claimed
        emulator = ids.first
        login = ids.count == 3 ? SandboxUser(number: ids[1]) : nil
        network = ids.count == 3 ? SandboxUser(number: ids[2]) : nil
    }

    /// A session starts without users of its own as well: it is no worse off than a daemon's guests usually are.
    /// - Parameters:
    ///   - name: see ``ClaimedUser``.
    ///   - claim: gives so many users.
    ///   - log: writes a line to the log of the session.
    static func claim(
        for name: String, places: Places, isRoot: Bool = CurrentUser.isRoot, log: (String) -> Void,
        by claim: (Int, String, [String]) throws(ClaimedUser.Failure) -> [ClaimedUser] = {
            (count, name, files) throws(ClaimedUser.Failure) in
            try ClaimedUser.claim(count, name: name, avoidingOwnersIn: files)
        }
    ) -> SessionUsers {
        guard isRoot else { return SessionUsers([]) }
        do throws(ClaimedUser.Failure) {
            return SessionUsers(try claim(3, name, [places.overlays, places.exchanges, places.homes]))
        } catch {
            log("warning: this guest has no users of its own, and shares those of other guests: \(error)")
            return SessionUsers([])
        }
    }
}
