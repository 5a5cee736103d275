import BlockStore
import Catalog
import Curl
import DiskImage
import Formats
import ImageIndex
import Linux
import Vendors

/// All systems that can be booted: those of followed catalogs, and those that vendors offer on their own servers.
package struct SystemsLibrary: Sendable {
    /// When a vendor is asked for the builds of a system that somebody names.
    package enum Asking: Sendable {
        case never
        /// Where none is known.
        case ifUnknown
        /// Also where the last answer is older than a day, or does not have what is asked for.
        case ifDue
    }

    package let catalogs: CatalogLibrary
    /// Nil where vendors' systems are not offered: they are turned off, or there is no table, or a followed catalog has had
    /// their name since before it was reserved.
    package let vendors: VendorLibrary?
    /// The table of vendors, and what of it is not used.
    package let table: SystemsTable
    package var tableFaults: [VendorsError] { table.faults }
    /// What was found out here about vendors' versions; nil where nothing is known of places.
    let notes: VendorNotes?
    let ledgers: LedgerFolder?
    /// Which versions came up here; nil where nothing is known of places.
    let health: HealthLibrary?
    /// Whether starts take pages from publishers' boot packs.
    let usesPacks: Bool

    package init(places: Places, configuration: Configuration, transfers: TransferQueue) {
        catalogs = CatalogLibrary(directory: places.catalogs, transfers: transfers, mirrors: configuration.mirrors)
        let settings = configuration.vendors
        table =
            settings.isEnabled
            ? SystemsTable(places: places, settings: settings, catalogs: catalogs) : SystemsTable()
        (notes, ledgers, usesPacks) = (VendorNotes(places: places), places.ledgers, configuration.usesPacks)
        health = HealthLibrary(places: places)
        let isNameTaken = catalogs.sources().contains { $0.name == CatalogSource.vendorsName }
        vendors =
            table.table.rows.isEmpty || isNameTaken
            ? nil
            : VendorLibrary(
                table: table.table, directory: places.vendors, transfers: transfers, hidden: settings.hidden)
    }

    /// - Parameters:
    ///   - vendors: nil for none.
    ///   - places: where what was found out about vendors' versions is; nil for nowhere.
    package init(catalogs: CatalogLibrary, vendors: VendorLibrary? = nil, places: Places? = nil) {
        (self.catalogs, self.vendors, usesPacks) = (catalogs, vendors, true)
        (table, notes, ledgers) = (SystemsTable(), places.map { VendorNotes(places: $0) }, places?.ledgers)
        health = places.map { HealthLibrary(places: $0) }
    }

    /// Copies of the followed catalogs, by name, then what is known of vendors' systems.
    /// - Parameter refresh: whether catalogs' servers are asked whose copy is not fresh. No vendor is asked.
    package func copies(refresh: Bool) async -> [CatalogCopy] {
        let followed = await catalogs.copies(refresh: refresh)
        return followed + (vendors.map { [$0.copy()] } ?? [])
    }

    /// Asks a vendor which builds it has of one system.
    /// - Parameter evenIfFresh: also where it was asked less than a day ago.
    /// - Returns: the system with its builds; those that were known where the vendor did not answer.
    /// - Throws: `VendorsError`, ``CatalogAccessError``.
    @discardableResult
    package func refreshVendor(of distribution: String, evenIfFresh: Bool = false) async throws -> Distribution {
        guard let vendors else { throw CatalogAccessError.noSuchCatalog(CatalogSource.vendorsName, near: []) }
        return try await vendors.refresh(distribution, evenIfFresh: evenIfFresh)
    }

    /// Chooses a version by its name.
    /// - Parameters:
    ///   - asking: whether its vendor is asked; nil for what the line allows.
    ///   - refresh: see ``copies(refresh:)``; where it is false no vendor is asked either.
    /// - Returns: it, and whether what is known of its catalog is what its server has now.
    /// - Throws: ``CatalogAccessError``, ``NotFoundError``; `VendorsError` where a vendor was asked and nothing is known.
    package func choose(
        _ name: VersionName, asking: Asking? = nil, refresh: Bool = true
    ) async throws -> (version: ChosenVersion, isCurrent: Bool) {
        var found = try find(name, in: await copies(refresh: refresh))
        guard found.copy.source.isVendors, let vendors else {
            return (try choose(name, from: found), found.copy.isCurrent)
        }
        let asking =
            if let asking { asking } else if !refresh { Asking.never } else { await SystemsLibrary.usualAsking() }
        let known = found.distribution
        // What is not known is asked for below.
        let isNamed = name.version != nil && (try? name.choose(from: found)) != nil
        let isDue = VendorListing(asked: vendors.listed(known.id).map { Int($0.seconds) }).isDue(now: WallClock.seconds)
        switch asking {
        case .never: break
        case .ifUnknown where !known.versions.isEmpty: break
        // What is named and known is not looked for again.
        case .ifDue where isNamed && vendors.isCurrent(known.id): break
        case .ifDue where !known.versions.isEmpty && (isDue || name.version != nil):
            found.distribution = await refreshed(known, by: vendors, evenIfFresh: name.version != nil)
        case .ifUnknown, .ifDue:
            found.distribution = try await vendors.refresh(known.id, evenIfFresh: false)
        }
        // Unless it is named, a build that the vendor no longer has is the last choice.
        let isGone = goneVersions(of: found.distribution)
        if name.version == nil, !isGone.isEmpty {
            let versions = found.distribution.versions
            found.distribution.versions =
                versions.filter { !isGone.contains($0.id) } + versions.filter { isGone.contains($0.id) }
        }
        return (try choose(name, from: found), true)
    }

    /// Asks a vendor for the builds of a system that somebody looks at, if that is due and the line allows it.
    /// - Throws: `VendorsError`.
    package func lookUp(_ found: FoundDistribution) async throws {
        guard found.copy.source.isVendors, let vendors else { return }
        let asking = await SystemsLibrary.usualAsking()
        if asking == .ifUnknown { return }
        _ = try await vendors.refresh(found.distribution.id, evenIfFresh: false)
    }

    /// What is known of a system does not wait long for its vendor: the newest build but one is better than none.
    private func refreshed(
        _ known: Distribution, by vendors: VendorLibrary, evenIfFresh: Bool
    ) async -> Distribution {
        await withTaskGroup(of: Distribution?.self) { group in
            // What went wrong is kept with the row, for those who look at it.
            group.addTask { try? await vendors.refresh(known.id, evenIfFresh: evenIfFresh) }
            group.addTask {
                // Cancelled as soon as the vendor has answered.
                try? await Task.sleep(for: .seconds(5))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? known
        }
    }

    /// On a line that is paid by the byte only what nobody can do without is asked.
    private static func usualAsking() async -> Asking {
        // Without a thread to find out, the connection counts as unmetered.
        let isMetered = (try? await WorkerThread.run(name: "metered", MeteredNetwork.isMetered)) ?? false
        return isMetered ? .ifUnknown : .ifDue
    }

    /// Where a version's index is once it was fetched, of the vendor's file where it is one; nil where that was never looked at.
    package func indexPath(
        _ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion
    ) -> String? {
        source.isVendors
            ? vendors?.pinned(distribution.id, version.id)?.indexPath
            : catalogs.indexPath(source, distribution, version)
    }

    /// The same with the index of what a vendor's packed file was unpacked to, where it was.
    package func indexPaths(
        _ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion
    ) -> [String] {
        guard source.isVendors else { return [catalogs.indexPath(source, distribution, version)] }
        guard let file = vendors?.pinned(distribution.id, version.id) else { return [] }
        return [file.indexPath] + (Paths.allows(.reading, file.unpackedPath) ? [file.unpackedPath] : [])
    }

    /// The ids of a distribution's versions whose index is stored.
    package func versionsWithIndex(_ source: CatalogSource, _ distribution: Distribution) -> Set<String> {
        guard source.isVendors else { return catalogs.versionsWithIndex(source, distribution) }
        return Set(
            distribution.versions.map(\.id).filter { vendors?.pinned(distribution.id, $0) != nil }.map(\.text))
    }

    /// Where a version's image is: fetches its index, and for a vendor's version all that the vendor says of its file.
    /// - Parameters:
    ///   - isNewest: nobody named the version. Where its vendor has put another in its place, that is taken.
    ///   - elsewhere: a path for the caller's own copy of an index where the state cannot be written; nil to fail then.
    /// - Throws: ``CatalogAccessError``, `VendorsError`; ``BootError/packed(_:)`` before anything is downloaded.
    package func image(
        of chosen: ChosenVersion, isNewest: Bool = false, elsewhere: String? = nil
    ) async throws -> VersionImage {
        guard chosen.source.isVendors, let vendors else {
            let index = try await catalogs.index(of: chosen, elsewhere: elsewhere)
            guard let file = PinnedFile(of: chosen, indexPath: index) else {
                return VersionImage(chosen: chosen, indexPath: index, file: nil)
            }
            guard !file.places.isEmpty || file.stores != nil else {
                throw CatalogAccessError.untrusted(
                    catalog: chosen.source.name, url: chosen.source.shownURL,
                    reason: "it names no server for \(file.system)@\(file.version) that it may lead to")
            }
            return VersionImage(chosen: chosen.pinned(file), indexPath: index, file: file)
        }
        if let row = vendors.hint(chosen.distribution.id), let packing = row.packing,
            PackedStream.Packing(rawValue: packing.rawValue) == nil
        {
            throw BootError.packed(
                PackedFile(
                    system: row.id, packing: packing.rawValue,
                    url: chosen.version.source?.urls.first ?? row.homepage ?? ""))
        }
        do {
            return try await pinned(chosen, by: vendors)
        } catch let error as VendorsError where error.isOfTheListing && vendors.pinned(of: chosen) == nil {
            // The listing may be of yesterday, and the file of today.
            let known = try await vendors.refresh(chosen.distribution.id, evenIfFresh: true)
            let departed = vendors.departed(known.id)
            guard isNewest, let newest = known.versions.first(where: { !departed.contains($0.id) }),
                newest.id != chosen.version.id || newest.source != chosen.version.source
            else { throw error }
            let other = ChosenVersion(
                source: chosen.source, document: chosen.document, distribution: known, version: newest)
            return try await pinned(other, by: vendors)
        }
    }

    private func pinned(_ chosen: ChosenVersion, by vendors: VendorLibrary) async throws -> VersionImage {
        var file = try await vendors.pin(chosen)
        if notes?.text(.wrong, file.system, file.version.text) != nil {
            // Nobody knows which of its places gave something else.
            file = file.onlyFrom(chosen.version.source?.urls.first)
        }
        return VersionImage(chosen, file)
    }
}

/// Where a version's image is.
package struct VersionImage: Sendable {
    /// With what the vendor says of the file now.
    package let chosen: ChosenVersion
    /// Of the image's blocks, or of the pieces of the vendor's file, or of what that was unpacked to.
    package let indexPath: String
    /// The file, which a vendor has and a vendor or a catalog names; nil where the blocks lie in a publisher's tree.
    package let file: PinnedFile?
    /// Makes the blocks again that a packed file was unpacked to; nil for all others, and before ``VersionFetch/readied(_:progress:)``.
    let remake: (@Sendable () async throws -> Void)?

    package init(
        chosen: ChosenVersion, indexPath: String, file: PinnedFile?, remake: (@Sendable () async throws -> Void)? = nil
    ) {
        (self.chosen, self.indexPath, self.file, self.remake) = (chosen, indexPath, file, remake)
    }

    /// Of what a packed file was unpacked to, where that has happened.
    init(_ chosen: ChosenVersion, _ file: PinnedFile, remake: (@Sendable () async throws -> Void)? = nil) {
        let isUnpacked = file.packing != nil && Paths.allows(.reading, file.unpackedPath)
        self.init(
            chosen: chosen.pinned(file), indexPath: isUnpacked ? file.unpackedPath : file.indexPath, file: file,
            remake: remake)
    }

    /// Whether the index is that of what a packed file was unpacked to, which nobody but the cache has.
    package var isUnpacked: Bool { file?.packing != nil && indexPath != file?.indexPath }

    /// The file whose pieces the index lists.
    package var streamed: PinnedFile? { isUnpacked ? nil : file }

    /// How the disk lies in what the index describes.
    package var format: DiskFormat { file?.source.format ?? chosen.version.source?.format ?? .raw }

    /// Bytes of what the index describes; nil where nobody has said.
    package var imageSize: UInt64? { isUnpacked ? nil : file == nil ? chosen.version.size : file?.source.size }

    /// Opens the index.
    /// - Throws: ``ImageIndexError``.
    package func index() throws(ImageIndexError) -> ImageIndex {
        guard let imageSize else { return try ImageIndex(path: indexPath) }
        return try ImageIndex(path: indexPath, imageSize: imageSize)
    }
}

extension VendorsError {
    /// Whether another answer to the vendor's listing may help.
    fileprivate var isOfTheListing: Bool {
        switch self {
        case .gone, .structural: true
        default: false
        }
    }
}

extension VendorLibrary {
    fileprivate func pinned(of chosen: ChosenVersion) -> PinnedFile? {
        pinned(chosen.distribution.id, chosen.version.id)
    }
}

extension ChosenVersion {
    /// The version with what is known of its file by now.
    fileprivate func pinned(_ file: PinnedFile) -> ChosenVersion {
        var version = version
        version.source = file.source
        version.guest = file.guest.merged(over: version.guest)
        // A file that is a CD-ROM's is put into a drive, unless its row says otherwise.
        if file.source.format == .iso, guest.media == nil { version.guest.media = version.guest.media ?? .cdrom }
        return ChosenVersion(source: source, document: document, distribution: distribution, version: version)
    }
}
