import Catalog
import GuestDomain
import Linux

extension SessionSeed {
    /// Writes the seed of a template, which is nobody's: without keys, without a password, and with what puts it to sleep where its image does not
    /// have that.
    /// - Parameter folders: see ``Places/parkFolders``.
    /// - Returns: nil for a system that asks for none.
    /// - Throws: ``WarmError/notMade(_:)`` where what runs in a template is not here; ``GuestDomainError``.
    func writeTemplate(architecture: GuestArchitecture, parkFolders folders: [String]) throws -> GuestSeed.Files? {
        guard chosen.guest.seed == .nocloud else { return nil }
        let files = try ParkFiles.find(for: architecture, in: folders)
        if files == nil, chosen.guest.park != true {
            throw WarmError.notMade(
                "has no warm state: what runs in a template (park-\(architecture.rawValue)) is not installed with this program; "
                    + "install oscircular again")
        }
        let seed = GuestSeed(
            kind: .nocloud, user: chosen.guest.user ?? "root", authorizedKeys: [], passwordHash: nil,
            instanceID: directory.domainName, hostName: SessionSeed.hostName(chosen.distribution.id), park: files)
        return try seed.write(to: directory.credentials)
    }
}
