import Catalog
import Curl

/// The systems that vendors offer: the table, the stored listings, and the files that were pinned.
///
/// Folder layout: `listings/SYSTEM.json`, `pins/SYSTEM/VERSION/pinned.json` and what belongs to it, `keys/`. Several processes may
/// share it: every file appears by rename.
package struct VendorLibrary: Sendable {
    package let table: VendorTable
    let directory: String
    let transfers: TransferQueue
    let hidden: Set<String>

    /// - Parameters:
    ///   - directory: `STATE/vendors`; made when the first listing is stored.
    ///   - hidden: ids of systems and names of vendors that are not offered.
    package init(table: VendorTable, directory: String, transfers: TransferQueue, hidden: Set<String> = []) {
        self.table = table
        self.directory = directory
        self.transfers = transfers
        self.hidden = hidden
    }

    /// The catalog `vendors`, as the table and the stored listings have it; asks nobody.
    package func copy() -> CatalogCopy {
        CatalogCopy(source: .vendors, state: .stale, document: nil)
    }

    /// The row of a distribution's id or alias.
    package func hint(_ distribution: String) -> VendorRow? { table.row(distribution) }

    /// When a row's listing was last answered; nil for one that is not stored.
    package func listed(_ distribution: String) -> Timestamp? { nil }

    /// Asks the vendor for one system's builds; one that was asked within a day is not asked again.
    /// - Returns: what the vendor offers, newest first. After a transient failure what was known before, if anything was.
    /// - Throws: ``VendorsError``.
    package func refresh(_ distribution: String, evenIfFresh: Bool = false) async throws -> Distribution {
        throw VendorsError.noSuchSystem(distribution, near: [])
    }

    /// Fetches and verifies what the vendor says of a version's file, and writes down what is streamed from now on. What was pinned
    /// before is used while all of its file is here, or its server still has it.
    /// - Throws: ``VendorsError``.
    package func pin(_ chosen: ChosenVersion) async throws -> PinnedFile {
        throw VendorsError.noSuchSystem(chosen.distribution.id, near: [])
    }

    /// What was pinned of a version earlier; nil for nothing. Asks nobody.
    package func pinned(_ distribution: String, _ version: VersionID) -> PinnedFile? { nil }

    /// Verifies a file that is all here: its digests, and the vendor's signature of the file itself where there is one.
    /// - Parameter read: gives bytes of the file from an offset; at most as many as are asked for, at least one.
    /// - Throws: ``VendorsError/unverified(system:url:reason:)``; what `read` throws.
    package func verifyWhole(
        _ pinned: PinnedFile, read: @escaping @Sendable (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) async throws {
        throw VendorsError.noSuchSystem(pinned.system, near: [])
    }

    /// Forgets what was pinned of a version, its index and digests.
    package func forget(_ pinned: PinnedFile) {}
}
