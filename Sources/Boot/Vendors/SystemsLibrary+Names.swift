import Catalog
import Vendors

extension SystemsLibrary {
    /// Finds the distribution that a name means.
    /// - Throws: ``CatalogAccessError``, ``NotFoundError``; `VendorsError` for a name that no vendor has.
    package func find(_ name: VersionName, in copies: [CatalogCopy]) throws -> FoundDistribution {
        do throws(CatalogAccessError) {
            return try name.find(in: copies)
        } catch {
            if case .noSuchDistribution(let id, let near) = error {
                if name.catalog == CatalogSource.vendorsName {
                    let cause = VendorsError.noSuchSystem(id, near: near)
                    throw tableFaults.isEmpty ? cause : NotFoundError(cause: cause, faults: tableFaults)
                }
                throw tableFaults.isEmpty ? error : NotFoundError(cause: error, faults: tableFaults)
            }
            // A catalog that cannot be read stands before the vendors.
            let isNamed = name.catalog != nil
            if !isNamed, let copy = copies.first(where: \.source.isVendors),
                // Not found there either: then the first error is the one.
                let other = try? name.find(in: [copy])
            {
                let version = name.version.map { "@\($0)" } ?? ""
                throw NotFoundError(cause: error, other: "\(copy.source.name)/\(other.distribution.id)\(version)")
            }
            throw error
        }
    }

    /// Chooses a version of a distribution that was found. Unless it is named, one that did not come up here is passed over for the last one
    /// that did, for as long as it is the newest.
    /// - Throws: ``CatalogAccessError``.
    func choose(_ name: VersionName, from found: FoundDistribution) throws(CatalogAccessError) -> ChosenVersion {
        let chosen = try name.choose(from: found)
        guard name.version == nil, let health else { return chosen }
        let record = health.record(found.copy.source.name, found.distribution.id)
        let gone = goneVersions(of: chosen)
        let offered = found.distribution.versions.map(\.id).filter { !gone.contains($0) }
        let instead = record.choice(among: offered.map(\.text))
        guard let version = found.distribution.versions.first(where: { $0.id.text == instead }) else { return chosen }
        return ChosenVersion(
            source: chosen.source, document: chosen.document, distribution: chosen.distribution, version: version)
    }

    /// What a catalog's table would change of the vendor's system that a name means, and the user has not allowed. Asks nobody.
    package func tableChange(of name: VersionName) async -> TableChange? {
        guard !table.changes.isEmpty, [nil, CatalogSource.vendorsName].contains(name.catalog) else { return nil }
        let copies = await copies(refresh: false)
        // A name that means nothing now may mean something with the change.
        let found = try? name.find(in: copies)
        if let found, !found.copy.source.isVendors { return nil }
        return table.change(of: name.distribution, system: found?.distribution.id)
    }

    /// The versions of a chosen one's system that its vendor no longer has; none of a catalog's system.
    func goneVersions(of chosen: ChosenVersion) -> Set<VersionID> {
        chosen.source.isVendors ? goneVersions(of: chosen.distribution) : []
    }

    /// The versions of a vendor's system that the vendor no longer has, as far as anybody here knows.
    package func goneVersions(of distribution: Distribution) -> Set<VersionID> {
        guard let vendors else { return [] }
        let asked = vendors.listed(distribution.id).map { Int($0.seconds) } ?? 0
        let departed = vendors.departed(distribution.id)
        return Set(
            distribution.versions.map(\.id).filter { id in
                // What was found out after the vendor last said so.
                let noted = notes?.time(.gone, distribution.id, id.text)
                return departed.contains(id) || noted.map { $0 > asked } ?? false
            })
    }
}

/// Why a name means nothing, with what may be the reason.
package struct NotFoundError: Error, Sendable {
    /// ``CatalogAccessError`` or `VendorsError`.
    package let cause: any Error
    /// Files of the table that are not used; the name may be of one of them.
    package var faults: [VendorsError] = []
    /// Another name that does mean something: a vendor's system behind a catalog that cannot be read.
    package var other: String?

    package init(cause: any Error, faults: [VendorsError] = [], other: String? = nil) {
        (self.cause, self.faults, self.other) = (cause, faults, other)
    }
}
