import Catalog
import Curl
import FoundationEssentials
import Linux
import Upstream

/// The systems that vendors offer: the table, the stored listings, and the files that were pinned.
///
/// Folder layout: `listings/SYSTEM.json`, `listings/bodies/` (what servers sent), `pins/SYSTEM/VERSION/pinned.json` and what belongs to it,
/// `keys/`. Several processes may share it: every file appears by rename.
package struct VendorLibrary: Sendable {
    package let table: VendorTable
    let directory: String
    let requests: VendorRequests
    let hidden: Set<String>
    let keyRing: KeyRing
    let bodies: ListingBodies

    /// A listing that is younger than this many seconds is not asked for again.
    package static let freshSeconds: Int64 = 86_400
    /// A server's answer that is younger than this many seconds counts for all rows that want it, unless the user asks anew.
    static let sharedSeconds: Int64 = 3600
    /// Bytes of the longest file of the state that is read.
    static let longestState = 67_108_864

    /// - Parameters:
    ///   - directory: `STATE/vendors`; made when the first listing is stored.
    ///   - hidden: ids of systems and names of vendors that are not offered.
    package init(table: VendorTable, directory: String, transfers: TransferQueue, hidden: Set<String> = []) {
        self.table = table
        self.directory = directory
        self.hidden = hidden
        let requests = VendorRequests(transfers: transfers, budget: HostBudget(), table: table)
        self.requests = requests
        bodies = ListingBodies(folder: "\(directory)/listings/bodies", requests: requests)
        keyRing = KeyRing(folder: "\(directory)/keys") { url in
            try await requests.get(url, limit: KeyRing.longest, of: "", known: nil).bytes ?? []
        }
    }

    /// The rows that are offered.
    package var rows: [VendorRow] { table.rows.filter { !hidden.contains($0.id) && !hidden.contains($0.vendor) } }

    /// The catalog `vendors`, as the table and the stored listings have it; asks nobody.
    package func copy() -> CatalogCopy {
        let rows = rows
        // Nearly all have none, and one look at the folder tells which.
        let stored = Set(Folder.namesIfAny(in: "\(directory)/listings"))
        let document = CatalogDocument(
            name: "Vendors", description: "Systems from their makers' own servers", updated: .now,
            distributions: rows.map { row in
                row.distribution(stored.contains("\(row.id).json") ? listing(of: row) : nil)
            })
        var copy = CatalogCopy(source: .vendors, state: .fresh, document: document)
        for row in rows {
            // A row for this machine's own processor comes before those for others.
            for alias in row.aliases where copy.aliases[alias] == nil || row.architecture == Machine.architecture {
                copy.aliases[alias] = row.id
            }
        }
        return copy
    }

    /// The row of a distribution's id or alias.
    package func hint(_ distribution: String) -> VendorRow? { table.row(distribution) }

    /// A system with what is known of its builds; nil for one that no vendor offers. Asks nobody.
    package func known(_ distribution: String) -> Distribution? {
        table.row(distribution).map { $0.distribution(listing(of: $0)) }
    }

    /// When a row's listing was last answered; nil for one that is not stored.
    package func listed(_ distribution: String) -> Timestamp? { table.row(distribution).flatMap(listing)?.asked }

    /// Whether what is known of a system's builds was asked for as the table has it now.
    package func isCurrent(_ distribution: String) -> Bool {
        guard let row = table.row(distribution), let listing = listing(of: row) else { return false }
        return isCurrent(listing, row)
    }

    /// What went wrong when the vendor was last asked; nil where that went well, or it never was.
    package func fault(of distribution: String) -> VendorsError? { table.row(distribution).flatMap(listing)?.fault }

    /// The versions that are known, and that the vendor's last answer did not have.
    package func departed(_ distribution: String) -> Set<VersionID> {
        let versions = table.row(distribution).flatMap(listing)?.versions ?? []
        return Set(versions.filter { !$0.isOffered }.map(\.id))
    }

    /// Asks the vendor for one system's builds; one that was asked within a day is not asked again.
    /// - Parameter age: seconds since a server's answer to another row of this process within which it counts for this one, too.
    /// - Returns: what the vendor offers, newest first. After a transient failure what was known before, if anything was.
    /// - Throws: ``VendorsError``.
    package func refresh(
        _ distribution: String, evenIfFresh: Bool = false, age: UInt64? = nil
    ) async throws(VendorsError) -> Distribution {
        let row = try needed(distribution)
        let before = listing(of: row)
        if let before, !evenIfFresh, isFresh(before, row) { return row.distribution(before) }
        let statements = statements(of: row)
        var fetch = ListingFetch(
            row: row, requests: requests, bodies: bodies,
            age: age ?? (evenIfFresh ? 0 : UInt64(VendorLibrary.sharedSeconds))
        ) { (bytes, url) async throws(VendorsError) in
            try await statements.verified(listing: bytes, url: url)
        }
        do throws(VendorsError) {
            let builds = try await fetch.run()
            var listing = before ?? StoredListing(of: row, keys: table.keys(of: row), asked: .now)
            (listing.place, listing.proof, listing.keys) = (row.listing, row.proof, table.keys(of: row))
            listing.asked = .now
            // A place that did not answer says nothing of the builds that it had.
            listing.fault = fetch.missed
            let kept = Set(Folder.namesIfAny(in: "\(directory)/pins/\(row.id)"))
            listing.take(
                builds, most: row.listing.most, day: CalendarDate(dayNumber: Timestamp.now.seconds / 86_400),
                isWhole: fetch.missed == nil
            ) {
                kept.contains($0.text)
            }
            try store(listing, at: listingPath(row))
            return row.distribution(listing)
        } catch {
            if case .state = error { throw error }
            guard var listing = before else { throw error }
            listing.fault = error
            // What failed is said in any case, and noted where that can be.
            try? store(listing, at: listingPath(row))
            guard error.isTransient else { throw error }
            return row.distribution(listing)
        }
    }

    func needed(_ distribution: String) throws(VendorsError) -> VendorRow {
        guard let row = table.row(distribution) else {
            throw .noSuchSystem(
                distribution, near: NearNames.suggest(distribution, among: table.rows.flatMap { [$0.id] + $0.aliases }))
        }
        return row
    }

    // MARK: State

    /// What is known of a row's builds. A row that was changed keeps them, and their names above all; it is only asked again.
    func listing(of row: VendorRow) -> StoredListing? {
        guard var stored: StoredListing = read(listingPath(row)) else { return nil }
        guard !isCurrent(stored, row) else { return stored }
        // A server that the table no longer names has no builds: neither those that it has, nor those that its listing led to.
        let (before, now) = (stored.place.servers, row.servers)
        let isKnown = stored.place.upstream.compactMap(URLText.server).contains(where: now.contains)
        stored.versions.removeAll { version in
            guard let server = URLText.server(of: version.build.url), !now.contains(server) else { return false }
            return before.contains(server) || !isKnown
        }
        guard row.proof.subject == .listing else { return stored }
        // Digests that count because the listing was signed count only by the row's own keys.
        for position in stored.versions.indices { stored.versions[position].build.digest = nil }
        return stored
    }

    private func isCurrent(_ listing: StoredListing, _ row: VendorRow) -> Bool {
        listing.place == row.listing && listing.proof == row.proof && listing.keys == table.keys(of: row)
    }

    private func isFresh(_ listing: StoredListing, _ row: VendorRow) -> Bool {
        let age = Timestamp.now.seconds - listing.asked.seconds
        // Of the future: the clock was wrong.
        return age >= 0 && age < VendorLibrary.freshSeconds && isCurrent(listing, row)
    }

    private func listingPath(_ row: VendorRow) -> String { "\(directory)/listings/\(row.id).json" }

    func read<Value: Decodable>(_ path: String) -> Value? {
        // What is not there, or spoiled, is fetched again.
        guard let bytes = try? FileContents.read(path, limit: VendorLibrary.longestState) else { return nil }
        // As above.
        return try? JSONDecoder().decode(Value.self, from: Data(bytes))
    }

    func store(_ value: some Encodable, at path: String) throws(VendorsError) {
        do {
            try Folder.make(Folder.parent(of: path) ?? directory, mode: 0o700)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try AtomicFile.write([UInt8](try encoder.encode(value)), to: path, mode: 0o600)
        } catch {
            throw .state(path: path, reason: words(of: error))
        }
    }
}
