import Catalog
import ContentAddress
import ImageIndex
import Linux

/// The boot sets recorded by this user's own boots: `STATE/boot-sets/CATALOG/DISTRO/VERSION.bootset`, and beside each the pages that
/// were read, `VERSION.pages`, of which a publisher makes packs.
package struct BootSetLibrary: Sendable {
    private let directory: String

    package init(places: Places) { directory = places.bootSets }

    /// What was recorded here; nil if nothing was, or it cannot be read: then a start is slower, no more.
    package func recorded(_ key: VersionKey) -> BootSet? { try? BootSet(path: path(key)) }

    /// The better of two: what this machine's own boots read, or what the publisher's did; both if our own are much shorter, so
    /// probably cut off.
    /// - Parameter published: path of the publisher's, as it was fetched; it may be absent.
    package func best(_ key: VersionKey, published: String?) -> BootSet? {
        // One that cannot be read is as none, as above.
        let published = published.flatMap { try? BootSet(path: $0) }
        guard let own = recorded(key) else { return published }
        guard let published, own.ids.count * 4 < published.ids.count * 3 else { return own }
        return own.union(published)
    }

    /// What a start of a version reads, as far as anybody knows.
    struct Expected {
        let bootSet: BootSet
        /// Whether nobody has recorded the version: then it is a guess.
        let isDerived: Bool
    }

    /// The better of what was recorded, as ``best(_:published:)``, else what was derived.
    /// - Parameters:
    ///   - published: path of the publisher's, as it was fetched; it may be absent.
    ///   - derive: what can be derived here, asked where nothing else is known.
    func expected(
        _ version: DistributionVersion, _ key: VersionKey, published: String?, derive: () -> BootSet?
    ) -> Expected? {
        let isGuess = version.bootSetFrom != nil
        if let recorded = best(key, published: isGuess ? nil : published) {
            return Expected(bootSet: recorded, isDerived: false)
        }
        let guess = isGuess ? best(key, published: published) : nil
        return (guess ?? derive()).map { Expected(bootSet: $0, isDerived: true) }
    }

    /// The ids of a distribution's versions that were recorded here.
    func versions(_ catalog: String, _ distribution: String) -> Set<String> {
        let names = Folder.namesIfAny(in: "\(directory)/\(catalog)/\(distribution)")
        return Set(names.filter { $0.hasSuffix(".bootset") }.map { String($0.dropLast(".bootset".count)) })
    }

    /// Adds what a boot read to what earlier ones did.
    ///
    /// No two boots read quite the same: a guest has timers, and reads ahead.
    /// - Throws: ``SystemCallError``, also when what was recorded before cannot be read: it then stays as it is.
    package func record(_ bootSet: BootSet, for key: VersionKey) throws(SystemCallError) {
        guard !bootSet.ids.isEmpty else { return }
        let all: BootSet
        do throws(ImageIndexError) {
            all = try BootSet(path: path(key)).union(bootSet)
        } catch {
            // An absent or damaged one is started anew.
            if case .file(let cause) = error, ![.noSuchFile, .fileTooLarge].contains(cause.number) { throw cause }
            all = bootSet
        }
        try write(all.text, to: path(key), of: key)
    }

    /// The same for the pages of what a boot read.
    /// - Throws: as ``record(_:for:)``.
    package func record(_ pages: BootPages, for key: VersionKey) throws(SystemCallError) {
        guard pages.count > 0 else { return }
        let path = path(key, ending: "pages")
        let all: BootPages
        do throws(ImageIndexError) {
            all = try BootPages(path: path).union(pages)
        } catch {
            // As above.
            if case .file(let cause) = error, ![.noSuchFile, .fileTooLarge].contains(cause.number) { throw cause }
            all = pages
        }
        try write(all.text, to: path, of: key)
    }

    private func write(_ text: String, to path: String, of key: VersionKey) throws(SystemCallError) {
        try Folder.make("\(directory)/\(key.catalog)/\(key.distribution)")
        try AtomicFile.write(Array(text.utf8), to: path, durable: true)
    }

    private func path(_ key: VersionKey, ending: String = "bootset") -> String {
        "\(directory)/\(key.catalog)/\(key.distribution)/\(key.version).\(ending)"
    }
}
