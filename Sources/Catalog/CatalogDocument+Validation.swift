import Formats

extension CatalogDocument {
    /// The most distributions in a catalog, and the most versions of one.
    package static let mostEntries = 10_000
    /// The most versions of a distribution that were withdrawn.
    package static let mostWithdrawn = 1000
    /// Bytes of UTF-8 in a title or another one-line text, and in notes or another long one.
    package static let longestLine = 2048
    package static let longestText = 65_536

    /// The signed targets that have this grammar.
    enum Target {
        /// `catalog.json`: no version has a source, for readers of released versions would ask the tree for its blocks.
        case catalog
        /// `sources.json`: each version has one.
        case sources
    }

    /// Whether a text is a plain path below `targets/`.
    static func isPath(_ text: String) -> Bool {
        do throws(CatalogError) {
            try Check.path(text, "")
            return true
        } catch {
            return false
        }
    }

    /// - Throws: ``CatalogError/malformed(place:reason:)`` for the first thing that is out of bounds.
    func validate(as target: Target = .catalog) throws(CatalogError) {
        try Check.line(name, "name")
        try Check.text(description, "description")
        try Check.path(blocks.hasSuffix("/") ? String(blocks.dropLast()) : blocks, "blocks")
        try Check.count(mirrors.count, "mirrors")
        for (position, mirror) in mirrors.enumerated() { try Check.mirror(mirror, "mirrors[\(position)]") }
        try Check.count(distributions.count, "distributions")
        var ids: Set<String> = []
        for (position, distribution) in distributions.enumerated() {
            try distribution.validate("distributions[\(position)]", target)
            guard ids.insert(distribution.id).inserted else {
                throw .malformed(place: "distributions[\(position)].id", reason: "\(distribution.id) is listed twice")
            }
        }
    }
}

extension Distribution {
    fileprivate func validate(
        _ place: @autoclosure () -> String, _ target: CatalogDocument.Target
    ) throws(CatalogError) {
        guard Distribution.isValid(id: id) else {
            throw .malformed(place: "\(place()).id", reason: "not of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        try Check.line(title, "\(place()).title")
        try Check.text(summary, "\(place()).summary")
        try Check.line(homepage ?? "", "\(place()).homepage")
        try Check.line(architecture, "\(place()).architecture")
        try guest.validate("\(place()).guest")
        try Check.count(versions.count, "\(place()).versions")
        var ids: Set<VersionID> = []
        for (position, version) in versions.enumerated() {
            try version.validate("\(place()).versions[\(position)]", target)
            guard ids.insert(version.id).inserted else {
                throw .malformed(place: "\(place()).versions[\(position)].id", reason: "\(version.id) is listed twice")
            }
        }
        guard withdrawn.count <= CatalogDocument.mostWithdrawn else {
            throw .malformed(
                place: "\(place()).withdrawn",
                reason: "\(withdrawn.count) entries, more than \(CatalogDocument.mostWithdrawn)")
        }
        for (position, version) in withdrawn.enumerated() {
            try Check.line(version.why, "\(place()).withdrawn[\(position)].why")
            try Check.line(version.origin ?? "", "\(place()).withdrawn[\(position)].origin")
            guard ids.insert(version.id).inserted else {
                throw .malformed(place: "\(place()).withdrawn[\(position)].id", reason: "\(version.id) is listed twice")
            }
        }
    }
}

extension DistributionVersion {
    fileprivate func validate(
        _ place: @autoclosure () -> String, _ target: CatalogDocument.Target
    ) throws(CatalogError) {
        switch (target, source) {
        case (.catalog, nil): break
        case (.sources, let source?): try source.validate("\(place()).source", of: self)
        case (.catalog, _?):
            throw .malformed(place: "\(place()).source", reason: "belongs into a sources.json, not into a catalog.json")
        case (.sources, nil): throw .malformed(place: "\(place()).source", reason: "is missing")
        }
        try Check.text(notes, "\(place()).notes")
        try Check.path(index, "\(place()).index")
        if let bootSet { try Check.path(bootSet, "\(place()).bootSet") }
        guard size <= UInt64(Int64.max), storedSize ?? 0 <= UInt64(Int64.max), addedSize ?? 0 <= UInt64(Int64.max)
        else {
            throw .malformed(place: "\(place()).size", reason: "more than an image can have")
        }
        try guest.validate("\(place()).guest")
        try Check.line(origin ?? "", "\(place()).origin")
        try Check.line(recordingError ?? "", "\(place()).recordingError")
        guard warm.count <= PublishedWarmState.most else {
            throw .malformed(
                place: "\(place()).warm", reason: "\(warm.count) entries, more than \(PublishedWarmState.most)")
        }
        for (position, state) in warm.enumerated() {
            if let fault = state.fault { throw .malformed(place: "\(place()).warm[\(position)]", reason: fault) }
        }
        guard packs.count <= PublishedPack.most else {
            throw .malformed(
                place: "\(place()).packs", reason: "\(packs.count) entries, more than \(PublishedPack.most)")
        }
        for (position, pack) in packs.enumerated() {
            if let fault = pack.fault { throw .malformed(place: "\(place()).packs[\(position)]", reason: fault) }
        }
    }
}

extension VersionSource {
    /// The most URLs of one file, and the most digests.
    private static let (mostURLs, mostDigests) = (16, 8)

    fileprivate func validate(
        _ place: @autoclosure () -> String, of version: DistributionVersion
    ) throws(CatalogError) {
        guard (1...VersionSource.mostURLs).contains(urls.count) else {
            throw .malformed(
                place: "\(place()).urls", reason: "\(urls.count) entries, not 1 to \(VersionSource.mostURLs)")
        }
        for (position, url) in urls.enumerated() {
            try Check.mirror(url, "\(place()).urls[\(position)]")
            try Check.plain(url, "\(place()).urls[\(position)]")
        }
        guard let size, size > 0, size == version.size else {
            throw .malformed(place: "\(place()).size", reason: "is not the version's size")
        }
        guard trust == .blocks else {
            throw .malformed(
                place: "\(place()).trust", reason: "is not blocks, which is what an index in a catalog gives")
        }
        guard digests.count <= VersionSource.mostDigests, digests.allSatisfy(VersionSource.isDigest) else {
            throw .malformed(place: "\(place()).digests", reason: "not sha256: or sha512: and hexadecimal digits")
        }
        try Check.line(build ?? "", "\(place()).build")
        try Check.plain(build ?? "", "\(place()).build")
    }

    private static func isDigest(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let digits = ["sha256": 64, "sha512": 128][String(parts[0])] else { return false }
        return parts[1].utf8.count == digits && Hexadecimal.bytes(String(parts[1])) != nil
    }
}

extension GuestSettings {
    fileprivate func validate(_ place: @autoclosure () -> String) throws(CatalogError) {
        if let memoryMiB, !GuestSettings.memoryBounds.contains(memoryMiB) {
            throw .malformed(place: "\(place()).memoryMiB", reason: "\(memoryMiB) is out of bounds")
        }
        if let cpus, !GuestSettings.cpuBounds.contains(cpus) {
            throw .malformed(place: "\(place()).cpus", reason: "\(cpus) is out of bounds")
        }
        try Check.line(login ?? "", "\(place()).login")
        if let user, !GuestSettings.isValid(user: user) {
            throw .malformed(place: "\(place()).user", reason: "not of the form [a-z_][a-z0-9_-]{0,31}")
        }
    }
}

/// Places are put into words only for an error: a large catalog has hundreds of thousands.
private enum Check {
    static func count(_ count: Int, _ place: @autoclosure () -> String) throws(CatalogError) {
        guard count <= CatalogDocument.mostEntries else {
            throw .malformed(place: place(), reason: "\(count) entries, more than \(CatalogDocument.mostEntries)")
        }
    }

    static func line(_ text: String, _ place: @autoclosure () -> String) throws(CatalogError) {
        try length(text, CatalogDocument.longestLine, place())
    }

    static func text(_ text: String, _ place: @autoclosure () -> String) throws(CatalogError) {
        try length(text, CatalogDocument.longestText, place())
    }

    private static func length(_ text: String, _ limit: Int, _ place: @autoclosure () -> String) throws(CatalogError) {
        guard text.utf8.count <= limit else {
            throw .malformed(place: place(), reason: "\(text.utf8.count) bytes, more than \(limit)")
        }
    }

    /// The letters leave out `:`, `%`, `\`, `?` and `#`, so no scheme, no escape and no query can hide in a path.
    static func path(_ path: String, _ place: @autoclosure () -> String) throws(CatalogError) {
        try line(path, place())
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
                && part.utf8.allSatisfy { byte in
                    DecimalDigits.range.contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || "._-+~@=,".utf8.contains(byte)
                }
        }
        guard isPlain else { throw .malformed(place: place(), reason: "not a plain relative path") }
    }

    /// Nothing that would move a terminal's cursor.
    static func plain(_ text: String, _ place: @autoclosure () -> String) throws(CatalogError) {
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw .malformed(place: place(), reason: "contains control characters")
        }
    }

    static func mirror(_ url: String, _ place: @autoclosure () -> String) throws(CatalogError) {
        try line(url, place())
        let schemes = ["https://", "http://", "file:///"]
        guard schemes.contains(where: { url.hasPrefix($0) && url.utf8.count > $0.utf8.count }),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { throw .malformed(place: place(), reason: "not an http, https or file URL") }
    }
}
