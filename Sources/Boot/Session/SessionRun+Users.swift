import GuestDomain
import Linux

/// Who may read what of a session's files.
extension SessionRun {
    /// Whom QEMU runs as, who reads the image.
    func reader(_ users: SessionUsers) async throws -> UserID? {
        guard users.emulator == nil, CurrentUser.isRoot else { return users.emulator }
        return try await HypervisorConnection.open(request.connect ?? HypervisorConnection.defaultURI).emulatorUser
    }

    func claimUsers() async throws -> SessionUsers {
        try await WorkerThread.run(name: "users") { [self] in
            SessionUsers.claim(for: directory.domainName, places: places) { note("\($0)\n") }
        }
    }

    /// Whether the exchange folder is one that stays: what the guest of an unverified file put there may be anybody's.
    func keepsExchange(of version: SessionImage) -> Bool {
        if let asked = request.keepsExchange { return asked }
        guard let file = version.image.file, file.source.trust < .pieces else { return true }
        if version.image.isUnpacked { return file.standingWhenUnpacked == .verified }
        return VendorNotes(places: places).standing(of: file, version.ledger) == .verified
    }
}
