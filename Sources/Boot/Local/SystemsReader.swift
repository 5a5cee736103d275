import BlockStore
import Catalog
import ContentAddress
import GuestDomain
import ImageIndex
import Linux
import Vendors

/// Assembles ``SystemsOverview`` from what is stored on this machine. Asks no server.
package struct SystemsReader: Sendable {
    private let library: SystemsLibrary
    private let notes: VendorNotes
    private let cache: BlockCache
    private let bootSets: BootSetLibrary
    private let history: RunHistory
    private let health: HealthLibrary
    private let emulators: Emulators
    private let warm: WarmOutlook?

    /// - Parameters:
    ///   - emulators: which processors guests can have here.
    ///   - warm: which starts would be warm; nil where nobody is told.
    package init(
        places: Places, systems: SystemsLibrary, cache: BlockCache, emulators: Emulators = .installed(),
        warm: WarmOutlook? = nil
    ) {
        (self.emulators, self.warm) = (emulators, warm)
        library = systems
        notes = VendorNotes(places: places)
        self.cache = cache
        bootSets = BootSetLibrary(places: places)
        history = RunHistory(places: places)
        health = HealthLibrary(places: places)
    }

    /// What is known without looking at any index or block: for a first picture. Waits for the disk, for milliseconds.
    package func outline(_ copies: [CatalogCopy], sessions: [SessionStatus]) -> SystemsOverview {
        let running = Set(sessions.map(\.key))
        let runs = Dictionary(history.runs().map { ($0.key, $0.time) }, uniquingKeysWith: max)
        // Pins that cannot be read are only not shown.
        let pins = Set((try? cache.pins()) ?? [])
        let health = health.all()
        let states = warm?.states()
        let systems = copies.flatMap { copy in
            (copy.document?.distributions ?? []).map { distribution in
                var system = SystemSummary(
                    source: copy.source, distribution: distribution,
                    versions: distribution.versions.map { version in
                        let key = VersionKey(
                            catalog: copy.source.name, distribution: distribution.id, version: version.id.text)
                        var summary = VersionSummary(version, key: key)
                        if !running.isEmpty { summary.isRunning = running.contains(key) }
                        if !pins.isEmpty { summary.isPinned = pins.contains(key.description) }
                        if !runs.isEmpty { summary.lastRun = runs[key] }
                        summary.isWarm = states?.isExpected(key, distribution.guest(of: version)) ?? false
                        return summary
                    },
                    withdrawn: distribution.withdrawn.map { version in
                        let key = VersionKey(
                            catalog: copy.source.name, distribution: distribution.id, version: version.id.text)
                        return WithdrawnSummary(version: version, isRunning: running.contains(key))
                    })
                system.emulation = emulators.emulation(of: distribution.architecture)
                system.take(health["\(copy.source.name)/\(distribution.id)"])
                if copy.source.isVendors { addVendor(to: &system) } else { noteGone(in: &system, copy) }
                return system
            }
        }
        return SystemsOverview(catalogs: copies, systems: systems)
    }

    /// What is known of a vendor's system besides its builds.
    private func addVendor(to system: inout SystemSummary) {
        let id = system.distribution.id
        let row = library.vendors?.hint(id)
        system.group = row?.group
        system.listing = VendorListing(
            asked: library.vendors?.listed(id).map { Int($0.seconds) }, keptBuilds: row?.keptBuilds,
            keptDays: row?.keptDays, sizeHint: row?.sizeHint, isWholeFirst: row?.isWholeFirst ?? false)
        // Most have no version: nobody has asked.
        if system.versions.isEmpty { return }
        let gone = library.goneVersions(of: system.distribution)
        for position in system.versions.indices {
            let version = system.versions[position].version
            system.versions[position].isGone = gone.contains(version.id)
            system.versions[position].fault = notes.text(.wrong, id, version.id.text)
            system.versions[position].isWholeFirst = row?.isWholeFirst ?? false
            defer { system.versions[position].expectDownload() }
            guard let file = library.vendors?.pinned(id, version.id), isOf(version, file) else { continue }
            // An xz file shows it at its end.
            if file.isWholeFirst { system.versions[position].isWholeFirst = true }
            // What the listing did not say is known by now.
            system.versions[position].version.source?.size = version.source?.size ?? file.source.size
            if version.source?.digests.isEmpty == true {
                system.versions[position].version.source?.digests = file.source.digests
            }
            system.versions[position].trust = file.source.trust
            system.versions[position].signedBy = file.signedBy
            // What was unpacked was judged before.
            let isUnpacked = file.packing != nil && Paths.allows(.reading, file.unpackedPath)
            let standing = isUnpacked ? file.standingWhenUnpacked : notes.standing(of: file)
            system.versions[position].isVerified = standing == .verified
            system.versions[position].isCompared = standing == .compared
        }
    }

    /// Marks a catalog's versions whose bytes lie at vendors that have deleted them.
    private func noteGone(in system: inout SystemSummary, _ copy: CatalogCopy) {
        guard let document = copy.document, system.versions.contains(where: { !$0.version.hasBlocks }) else { return }
        let gone = notes.gone(in: "\(copy.source.name)/\(system.distribution.id)")
        for position in system.versions.indices where gone.contains(system.versions[position].key.version) {
            let chosen = ChosenVersion(
                source: copy.source, document: document, distribution: system.distribution,
                version: system.versions[position].version)
            system.versions[position].isGone = PinnedFile(of: chosen, indexPath: "").map(notes.isGone) ?? false
        }
    }

    /// Whether a pinned file is the one that the listing has now: a build may have been replaced under its name.
    private func isOf(_ version: DistributionVersion, _ file: PinnedFile) -> Bool {
        guard let url = version.source?.urls.first else { return true }
        return file.places.contains { $0.url == url }
    }

    /// The same with what each version costs and what of it is stored, for those whose index is stored. Waits for the disk: a few
    /// microseconds for every different block.
    package func details(_ outline: SystemsOverview) -> SystemsOverview {
        let presence = BlockPresence(cache: cache)
        return SystemsOverview(
            catalogs: outline.catalogs,
            systems: outline.systems.map { system in
                var system = details(of: system, presence)
                // A state is of an image that is here; what was evicted since comes first.
                for position in system.versions.indices where system.versions[position].offline != .whole {
                    system.versions[position].isWarm = false
                }
                return system
            })
    }

    private func details(of system: SystemSummary, _ presence: BlockPresence) -> SystemSummary {
        let known = library.versionsWithIndex(system.source, system.distribution)
        guard !known.isEmpty else { return system }
        var withdrawn = system.withdrawn
        for position in withdrawn.indices {
            withdrawn[position].isHere = known.contains(withdrawn[position].version.id.text)
        }
        let lastRun = system.lastRun.flatMap { ids(of: $0, system) }
        var versions = system.versions
        let derived = DerivedBootSets(
            system.source, system.distribution, catalogs: library.catalogs, recorded: bootSets)
        // Oldest first: each is compared with the one before it.
        var older: Set<BlockID>?
        for position in versions.indices.reversed() {
            guard known.contains(versions[position].version.id.text),
                let index = index(of: &versions[position], system, presence)
            else {
                older = nil
                continue
            }
            let start = derived.start(of: versions[position], index)
            older = fill(&versions[position], index, system, presence, start, older: older, lastRun: lastRun)
        }
        // What else is known of it stays.
        var detailed = system
        (detailed.versions, detailed.withdrawn) = (versions, withdrawn)
        return detailed
    }

    /// - Returns: the version's blocks.
    private func fill(
        _ summary: inout VersionSummary, _ index: ImageIndex, _ system: SystemSummary, _ presence: BlockPresence,
        _ start: BootSetLibrary.Expected?, older: Set<BlockID>?, lastRun: Set<BlockID>?
    ) -> Set<BlockID>? {
        let bootSet = Set(start?.bootSet.ids ?? [])
        var ids: Set<BlockID> = []
        ids.reserveCapacity(min(index.count, 16_384))
        var share = ImageShare()
        var lacking: [IndexedBlock] = []
        do {
            try presence.forEachBlock(of: index) { block, isHere in
                share.content += UInt64(block.length)
                if isHere { share.here += UInt64(block.length) }
                guard ids.insert(block.id).inserted else { return }
                let length = UInt64(block.length)
                share.unique += length
                if !isHere && bootSet.contains(block.id) { lacking.append(block) }
                if older?.contains(block.id) == false { share.changed += length }
                if lastRun?.contains(block.id) == false { share.new += length }
            }
        } catch {
            return nil
        }
        summary.here = share.here
        summary.content = share.content
        summary.isBootSetDerived = start?.isDerived ?? false
        // A guess promises nothing.
        let boots = !bootSet.isEmpty && lacking.isEmpty && !summary.isBootSetDerived
        summary.offline = share.here == share.content ? .whole : boots ? .boots : .no
        // The catalog says how many bytes all blocks have on the server.
        let ratio = BootPlan.ratio(storedSize: summary.version.storedSize, unique: share.unique)
        func compressed(_ bytes: UInt64) -> UInt64 { BootPlan.compressed(bytes, ratio) }
        if !bootSet.isEmpty {
            let packs = library.packs(system.source, system.distribution, summary.version, index, lacking, cache)
            let plan = BootPlan.cheapest(of: packs, lacking: lacking, ratio: ratio, isHere: presence.contains)
            summary.toBoot = plan.cost.bytes
            // From a boot pack that is here.
            if summary.offline == .no, plan.cost.requests == 0, !summary.isBootSetDerived { summary.offline = .boots }
        }
        if summary.isPacked {
            summary.downloadFirst = share.content - share.here
            summary.toBoot = summary.downloadFirst
        }
        if summary.offline == .whole { summary.toBoot = 0 }
        // Pieces of vendors' files are named by their file: those of two builds are never the same.
        if system.source.isVendors { return ids }
        if older != nil { summary.changed = compressed(share.changed) }
        if lastRun != nil { summary.new = compressed(share.new) }
        return ids
    }

    /// The version's index: of what its packed file unpacks to where all of that is here, else of the file.
    private func index(
        of summary: inout VersionSummary, _ system: SystemSummary, _ presence: BlockPresence
    ) -> ImageIndex? {
        let paths = library.indexPaths(system.source, system.distribution, summary.version)
        // What cannot be read counts as not stored.
        let indexes = paths.map { try? ImageIndex(path: $0) }
        if indexes.count > 1, let unpacked = indexes[1], presence.isWhole(unpacked) {
            summary.downloadFirst = 0
            return unpacked
        }
        return indexes.first ?? nil
    }

    private func ids(of summary: VersionSummary, _ system: SystemSummary) -> Set<BlockID>? {
        let path = library.indexPath(system.source, system.distribution, summary.version)
        // What cannot be read counts as not stored.
        guard let index = path.flatMap({ try? ImageIndex(path: $0) }) else { return nil }
        var ids: Set<BlockID> = []
        do { try index.forEachBlock { if !$0.isHole { ids.insert($0.id) } } } catch { return nil }
        return ids
    }
}

/// Bytes of an image, counted in one walk through its index.
private struct ImageShare {
    var content: UInt64 = 0
    var here: UInt64 = 0
    /// Of different blocks only.
    var unique: UInt64 = 0
    var changed: UInt64 = 0
    var new: UInt64 = 0
}

extension VersionSummary {
    /// Before anybody has looked which part of the file is here.
    fileprivate mutating func expectDownload() {
        if isWholeFirst { downloadFirst = version.source?.size }
    }
}

extension SystemSummary {
    /// Takes what is known of how its versions start here; nil for nothing.
    fileprivate mutating func take(_ record: HealthRecord?) {
        isUnjudged = record?.starts.isEmpty ?? true && versions.contains { $0.lastRun != nil }
        guard let record else { return }
        let healthy = Dictionary(record.healthy.map { ($0.version, $0.time) }, uniquingKeysWith: max)
        for position in versions.indices {
            let id = versions[position].key.version
            versions[position].unhealthy = record.fault(of: id)
            versions[position].lastHealthy = healthy[id].map { Int($0.seconds) }
        }
    }
}
