import Catalog

extension VendorLibrary {
    /// The versions that the vendor's last answer had; none where it was never asked.
    package func offered(_ distribution: String) -> Set<VersionID> {
        let versions = table.row(distribution).flatMap(listing)?.versions ?? []
        return Set(versions.filter(\.isOffered).map(\.id))
    }
}
