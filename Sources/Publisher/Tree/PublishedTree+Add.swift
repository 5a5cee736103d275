import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux

/// What a publisher says about a version that is added.
package struct NewVersion: Sendable {
    package let distribution: String
    package let version: VersionID
    /// Of the distribution; nil leaves it as it is.
    package var title: String?
    package var summary: String?
    package var homepage: String?
    package var architecture: String?
    package var notes: String = ""
    package var published: Timestamp = .now
    /// Becomes the distribution's where that is new, otherwise the version's own where it differs.
    package var guest = GuestSettings()
    /// Adds nothing when the newest version has the very same image: ``PublisherError/unchanged(distribution:version:)``.
    package var isSkippedUnchanged = false
    /// Takes a day that is ahead of the clock.
    package var isFutureAllowed = false

    /// Where an image is from, as it may be made public: server and path of its URL. A query may be a signature, and a path on this
    /// machine is private: nil for files, by path or URL.
    static func origin(of image: String) -> String? {
        URLText.server(of: image) == nil ? nil : URLText.public(image)
    }

    /// - Throws: ``PublisherError/usage(option:reason:)`` for ids of another form.
    package init(distribution: String, version: String) throws(PublisherError) {
        guard Distribution.isValid(id: distribution) else {
            throw .usage(
                option: "DISTRO",
                reason: "\(distribution.debugDescription) is not of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        guard let id = VersionID(version) else {
            throw .usage(
                option: "VERSION", reason: "\(version.debugDescription) is not of the form YYYY-MM-DD or YYYY-MM-DD.N")
        }
        self.distribution = distribution
        self.version = id
    }
}

extension PublishedTree {
    /// Publishes an image as a new version: blocks first, then the index, then the catalog.
    ///
    /// A reader sees the old catalog or the new one meanwhile, and every block that it leads to.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func add(
        _ new: NewVersion, image: String, options: PublishOptions, progress: PublishProgress = PublishProgress(),
        cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> (version: DistributionVersion, image: PublishedImage) {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        try checkNothingWaits()
        try checkDay(of: new)
        var document = try contents.catalog()
        if let withdrawn = document.distribution(new.distribution)?.withdrawal(of: new.version) {
            throw .withdrawn(distribution: new.distribution, withdrawn)
        }
        if document.distribution(new.distribution)?.version(new.version) != nil {
            throw .versionExists(distribution: new.distribution, version: new.version)
        }
        let index = "\(new.distribution)/\(new.version).caibx"
        var version = DistributionVersion(
            id: new.version, published: new.published, notes: new.notes, index: index, size: 1)
        version.origin = NewVersion.origin(of: image)
        if let file = options.vendorFile {
            try file.check(image)
            version.source = VersionSource(
                urls: [image] + file.mirrors, format: .raw, size: 1, trust: .blocks, build: file.build)
        }
        // Texts that the catalog would refuse are found before the work, not after it.
        do {
            var trial = document
            trial.add(version, new)
            let parts = try contents.parts(of: trial)
            _ = try parts.catalog.encode()
            _ = try parts.sources?.encodeSources()
        } catch let error as CatalogError {
            throw .catalogRefused(error)
        } catch let error as PublisherError {
            throw error
        } catch {
            throw .metadata(reason: "\(error)")
        }

        var options = options
        options.digestsImage = true
        options.longestIndex = CatalogDocument.longestIndex
        if let newest = document.distribution(new.distribution)?.versions.first, let digest = newest.digest,
            let file = contents.path(of: newest.index), try contents.isAsSigned(newest.index)
        {
            options.known = KnownImage(index: file, digest: digest)
        }
        let near = version.isDerivable ? contents.nearestStart(to: new, document) : nil
        options.bootPositions = near?.template.positions(blockSize: options.blockSize) ?? []
        if !URLText.isURL(image) { _ = try ImageSource(path: image) }
        options.earlier = try options.changedSince.map { since throws(PublisherError) in
            try contents.earlierImage(
                since, of: image, isVendors: options.vendorFile != nil, document.distribution(new.distribution))
        }
        // The index gets its name when it is signed; until then it lies beside that name, hidden.
        try OutputFolder.make("\(path)/targets/\(new.distribution)")
        // Under the lock nobody else writes there.
        for folder in ["metadata", "targets", "targets/\(new.distribution)"] {
            StaleFiles.remove(in: "\(path)/\(folder)")
        }
        let made = "\(path)/targets/\(new.distribution)/.\(new.version).caibx"
        // A hidden one that stays is replaced by the next try, or swept.
        defer { _ = try? Paths.remove(made) }
        let published = try ImagePublisher(options: options, progress: progress, cancellation: cancellation)
            .publish(image: image, index: made, store: blocks)

        version.size = published.size
        version.storedSize = options.storesBlocks ? published.storedBytes : nil
        version.addedSize = options.storesBlocks ? published.newBytes : nil
        version.source = options.vendorFile?.source(of: published, image)
        version.digest = published.digest
        if new.isSkippedUnchanged, let newest = document.distribution(new.distribution)?.versions.first,
            newest.digest == published.digest, published.digest != nil
        {
            throw .unchanged(distribution: new.distribution, version: newest.id)
        }
        // Otherwise a timer would publish again what was withdrawn.
        if new.isSkippedUnchanged, let digest = published.digest,
            let same = document.distribution(new.distribution)?.withdrawn.first(where: { $0.digest == digest })
        {
            throw .unchanged(distribution: new.distribution, version: same.id)
        }
        var files: [(name: String, bytes: [UInt8])] = []
        do { files.append((index, try FileContents.read(made, limit: CatalogDocument.longestIndex))) } catch {
            throw .unreadable(error)
        }
        if let near, let bootSet = near.bootSet(ofIndex: made) {
            files.append(version.take(bootSet, from: near.from, new.distribution))
        }
        let added = document.add(version, new)
        document.updated = .now
        try publish(document, distribution: new.distribution, files: files, contents)
        if let identity = published.identity {
            ImageMark(index: FileDigest.sha256(of: files[0].bytes), identity: identity).write(to: image)
        }
        return (added, published)
    }
}

extension TreeContents {
    /// Whether an index is there just as it was signed: only then the signed digest is its image's.
    /// - Throws: ``PublisherError/unreadable(_:)`` when that cannot be seen.
    func isAsSigned(_ name: String) throws(PublisherError) -> Bool {
        do throws(PublisherError) {
            _ = try index(name)
            return true
        } catch {
            // A file that is longer than the signed one is another.
            guard case .index(_, .file(let cause)) = error, ![.noSuchFile, .fileTooLarge].contains(cause.number) else {
                return false
            }
            throw .unreadable(cause)
        }
    }
}

extension CatalogDocument {
    /// Puts a version in its place. Returns it as the catalog has it.
    @discardableResult
    fileprivate mutating func add(_ version: DistributionVersion, _ new: NewVersion) -> DistributionVersion {
        var version = version
        let position: Int
        if let known = distributions.firstIndex(where: { $0.id == new.distribution }) {
            position = known
            version.guest = new.guest.differences(from: distributions[known].guest)
        } else {
            position = distributions.count
            distributions.append(Distribution(id: new.distribution, guest: new.guest))
        }
        if let title = new.title { distributions[position].title = title }
        if let summary = new.summary { distributions[position].summary = summary }
        if let homepage = new.homepage { distributions[position].homepage = homepage }
        if let architecture = new.architecture { distributions[position].architecture = architecture }
        distributions[position].versions.append(version)
        distributions[position].versions.sort { $0.id > $1.id }
        return version
    }
}

extension GuestSettings {
    /// These settings without those that `base` has as well.
    fileprivate func differences(from base: GuestSettings) -> GuestSettings {
        GuestSettings(
            memoryMiB: memoryMiB == base.memoryMiB ? nil : memoryMiB, cpus: cpus == base.cpus ? nil : cpus,
            firmware: firmware == base.firmware ? nil : firmware, media: media == base.media ? nil : media,
            adapter: adapter == base.adapter ? nil : adapter, login: login == base.login ? nil : login,
            seed: seed == base.seed ? nil : seed, cpuLevel: cpuLevel == base.cpuLevel ? nil : cpuLevel,
            user: user == base.user ? nil : user, park: park == base.park ? nil : park)
    }
}
