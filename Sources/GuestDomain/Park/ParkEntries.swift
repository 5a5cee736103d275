import Formats
import Linux

/// What a template reads through qemu_fw_cfg, and what a guest that goes on from its memory reads in its place. A guest knows names and lengths since
/// it booted, so both are always the same, and each has both files.
package enum ParkEntries {
    /// Read once, when a guest has started: that there is such a file makes it a template, unless it is told a session already.
    package static let parkName = "opt/oscircular/park"
    /// Read when a guest wakes.
    package static let orderName = "opt/oscircular/session"
    package static let parkLength = 64
    package static let orderLength = 16_384

    /// Writes both into a folder of the session's own.
    /// - Parameters:
    ///   - order: what the guest is told when it wakes; nil for a template.
    ///   - isForOthers: a template whose memory is to be published: it refuses where it has made secrets, and clears what it has freed.
    /// - Returns: nil where that is too long.
    /// - Throws: ``SystemCallError``.
    package static func write(
        _ order: WakeOrder?, to folder: String, isForOthers: Bool = false
    ) throws(SystemCallError) -> [GuestSpecification.FirmwareEntry]? {
        let text = order?.text ?? ""
        guard text.utf8.count <= orderLength else { return nil }
        let park = Array((isForOthers ? "park 1\npublic" : "park 1").utf8)
        let files = [
            (parkName, park + [UInt8](repeating: UInt8(ascii: "\n"), count: parkLength - park.count)),
            (orderName, Array(text.utf8) + [UInt8](repeating: 0, count: orderLength - text.utf8.count)),
        ]
        var entries: [GuestSpecification.FirmwareEntry] = []
        for (name, bytes) in files {
            let path = path(of: name, in: folder)
            try AtomicFile.write(bytes, to: path, mode: 0o600)
            entries.append(.init(name: name, path: path))
        }
        return entries
    }

    /// Removes both again: a guest that boots has none. Best effort.
    package static func remove(from folder: String) {
        for name in [parkName, orderName] { Paths.removeIfPossible(path(of: name, in: folder)) }
    }

    private static func path(of name: String, in folder: String) -> String {
        "\(folder)/\(name.split(separator: "/").last ?? "")"
    }
}

/// What a guest learns when it wakes: that of a session in place of nobody's.
package struct WakeOrder: Sendable, Equatable {
    /// Random bytes; whoever has them knows what the guest's random numbers begin with.
    package var seed: [UInt8]
    /// Nil where the guest keeps the name that its image gave it.
    package var hostName: String?
    /// Whom ssh logs in as.
    package var user: String
    /// A line of `authorized_keys`, without a newline.
    package var authorizedKey: String
    /// What the guest logs in to its host with: files of OpenSSH's.
    package var guestKey: [UInt8]
    package var knownHosts: [UInt8]
    /// Of the password for the console, in the form of crypt(5); nil for none.
    package var passwordHash: String?
    /// By what cloud-init knows that this is another machine; nil where there is none.
    package var instanceID: String?
    /// Scripts that root is to run; nil for none.
    package var home: String?
    package var share: String?

    package init(
        seed: [UInt8], hostName: String?, user: String, authorizedKey: String, guestKey: [UInt8], knownHosts: [UInt8],
        passwordHash: String? = nil, instanceID: String? = nil, home: String? = nil, share: String? = nil
    ) {
        (self.seed, self.hostName, self.user, self.authorizedKey) = (seed, hostName, user, authorizedKey)
        (self.guestKey, self.knownHosts, self.passwordHash) = (guestKey, knownHosts, passwordHash)
        (self.instanceID, self.home, self.share) = (instanceID, home, share)
    }

    /// A line for each, `NAME=` and the value in base64. The random bytes come first.
    var text: String {
        let values: [(String, [UInt8]?)] = [
            ("SEED", seed), ("HOSTNAME", hostName.map { Array($0.utf8) }), ("USER", Array(user.utf8)),
            ("AUTHORIZED_KEY", Array(authorizedKey.utf8)), ("GUEST_KEY", guestKey), ("KNOWN_HOSTS", knownHosts),
            ("PASSWORD_HASH", passwordHash.map { Array($0.utf8) }), ("INSTANCE_ID", instanceID.map { Array($0.utf8) }),
            ("HOME", home.map { Array($0.utf8) }), ("SHARE", share.map { Array($0.utf8) }),
        ]
        return values.compactMap { name, bytes in bytes.map { "\(name)=\(Base64.encode($0))\n" } }.joined()
    }

    /// Random bytes of the kernel's.
    package static func randomSeed() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
