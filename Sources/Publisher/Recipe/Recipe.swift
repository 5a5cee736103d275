import Catalog
import Curl
import Linux
import TOML
import Upstream

/// What a week's run does: a TOML file.
package struct Recipe: Sendable {
    /// Where a distribution's next image comes from.
    package enum Source: Sendable, Equatable {
        /// A command and its arguments.
        case build([String])
        /// The newest entry of a folder's page that has a form, and the image's place beside it.
        case upstream(page: String, entry: EntryPattern, image: String, sums: String?)
    }

    package struct Entry: Sendable {
        package let id: String
        package let source: Source
        package var title: String?
        package var summary: String?
        package var homepage: String?
        package var architecture: String?
        package var guest = GuestSettings()
        package var notes = ""
        /// Versions are named by the day of the run, whatever day upstream's name has.
        package var isNamedByRun = false
        package var isRecorded = false
        /// Whether a guest of each version is saved asleep and published with it.
        package var isWarm = false
        package var keepWeeks: Int?
        /// Who must have signed the list of digests.
        package var signed: SignedDigests?
        /// Readers have the file's bytes from its vendor; nil for the tree's blocks.
        package var vendorFile: VendorFile?
    }

    /// The file, and the folder that relative paths in it start from.
    package let file: String
    package let folder: String
    package let distributions: [Entry]
    /// After the run; nil keeps everything.
    package let rule: PruneRule?

    /// Bytes of the longest recipe.
    private static let longest = 1 << 20

    /// - Throws: ``PublisherError/recipe(file:key:reason:)``, ``PublisherError/unreadable(_:)``.
    package init(file: String) throws(PublisherError) {
        let bytes: [UInt8]
        do {
            bytes = try FileContents.read(file, limit: Recipe.longest)
        } catch {
            throw .unreadable(SystemCallError(code: error.code, call: error.call, subject: file))
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .recipe(file: file, key: "", reason: "is not TOML: it is not UTF-8")
        }
        if let line = TOMLHeaders.malformedLine(in: text) {
            throw .recipe(file: file, key: "", reason: "is not TOML: line \(line) is malformed")
        }
        let table: TOMLTable
        do { table = try TOMLTable(string: text) } catch {
            throw .recipe(file: file, key: "", reason: "is not TOML: \(error)")
        }
        let reader = RecipeReader(table: table, file: file, place: "")
        try reader.check(known: ["distribution", "keep-weeks", "max-bytes"])
        let keepWeeks = try reader.integer("keep-weeks", in: 1...10_000)
        let maxBytes = try reader.integer("max-bytes", in: 1...Int.max)
        guard let list = table["distribution"]?.array, !list.isEmpty else {
            throw .recipe(file: file, key: "distribution", reason: "is missing: a recipe has [[distribution]] tables")
        }
        var entries: [Entry] = []
        for (position, value) in list.enumerated() {
            let place = "distribution \(position + 1): "
            guard let table = value.table else {
                throw .recipe(file: file, key: place, reason: "must be a table")
            }
            let entry = try Recipe.entry(RecipeReader(table: table, file: file, place: place))
            guard !entries.contains(where: { $0.id == entry.id }) else {
                throw .recipe(file: file, key: "\(place)id", reason: "is given twice")
            }
            entries.append(entry)
        }
        self.file = file
        // A recipe from a pipe has no folder: then paths start in the current one.
        let isFile = !file.hasPrefix("/dev/") && !file.hasPrefix("/proc/")
        let place = isFile ? Folder.parent(of: file) ?? "." : "."
        folder = ResolvedPath.absolute(place == "." ? "" : place)
        distributions = entries
        var rule = PruneRule(keepWeeks: keepWeeks, maxBytes: maxBytes.map(UInt64.init))
        for entry in entries { rule.keepWeeksOf[entry.id] = entry.keepWeeks }
        self.rule = rule == PruneRule() ? nil : rule
    }

    private static let keys: Set<String> = [
        "id", "title", "summary", "homepage", "architecture", "memory", "cpus", "firmware", "media", "adapter", "login",
        "seed", "user", "cpu-level", "park", "notes", "version", "record", "warm", "keep-weeks", "build", "upstream",
        "entry", "image", "sums", "blocks", "mirrors", "signature", "signature-kind", "key", "key-url",
    ]

    private static func entry(_ reader: RecipeReader) throws(PublisherError) -> Entry {
        try reader.check(known: keys)
        guard let id = try reader.text("id"), Distribution.isValid(id: id) else {
            throw reader.error("id", "must be of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        var entry = Entry(id: id, source: try source(reader))
        entry.title = try reader.text("title")
        entry.summary = try reader.text("summary")
        entry.homepage = try reader.text("homepage")
        entry.architecture = try reader.text("architecture")
        entry.notes = try reader.text("notes") ?? ""
        entry.guest = GuestSettings(
            memoryMiB: try reader.integer("memory", in: GuestSettings.memoryBounds),
            cpus: try reader.integer("cpus", in: GuestSettings.cpuBounds),
            firmware: try reader.text("firmware", among: ["bios", "uefi"]).flatMap(GuestSettings.Firmware.init),
            media: try reader.text("media", among: ["disk", "cdrom"]).flatMap(GuestSettings.Media.init),
            adapter: try reader.text("adapter", among: ["vga", "none"]).flatMap(GuestSettings.Adapter.init),
            login: try reader.text("login"),
            seed: try reader.text("seed", among: SeedKind.allCases.map(\.rawValue)).flatMap(SeedKind.init),
            cpuLevel: try reader.text("cpu-level", among: CPULevel.allCases.map(\.rawValue)).flatMap(CPULevel.init),
            user: try reader.text("user"), park: try reader.givenFlag("park"))
        if let user = entry.guest.user, !GuestSettings.isValid(user: user) {
            throw reader.error("user", "must be of the form [a-z_][a-z0-9_-]{0,31}")
        }
        entry.isNamedByRun = try reader.text("version", among: ["upstream", "run"]) == "run"
        entry.isRecorded = try reader.flag("record")
        entry.isWarm = try reader.flag("warm")
        entry.keepWeeks = try reader.integer("keep-weeks", in: 1...10_000)
        let blocks = try reader.text("blocks", among: ["tree", "vendor", "both"]) ?? "tree"
        let mirrors = try reader.texts("mirrors")
        if blocks != "tree" {
            guard case .upstream = entry.source else {
                throw reader.error("blocks", "must be tree for what a build makes: no vendor has it")
            }
            entry.vendorFile = VendorFile(keepsBlocks: blocks == "both", mirrors: mirrors ?? [])
        } else if mirrors != nil {
            throw reader.error("mirrors", "go with blocks = \"vendor\" or \"both\"")
        }
        do {
            entry.signed = try SignedDigests.choice(
                place: try reader.text("signature"), kind: try reader.text("signature-kind"),
                key: try reader.text("key"), keyURL: try reader.text("key-url"))
        } catch {
            guard case .usage(let option, let reason) = error else { throw error }
            throw reader.error(String(option.drop { $0 == "-" }), reason)
        }
        return entry
    }

    private static func source(_ reader: RecipeReader) throws(PublisherError) -> Source {
        let build = try reader.texts("build")
        let page = try reader.text("upstream")
        switch (build, page) {
        case (let command?, nil):
            guard !command.isEmpty, !command[0].isEmpty else { throw reader.error("build", "must name a program") }
            return .build(command)
        case (nil, let page?):
            guard URLText.isURL(page) else { throw reader.error("upstream", "must be an http, https or file URL") }
            guard let text = try reader.text("entry"), let pattern = EntryPattern(text) else {
                throw reader.error("entry", "must be a name with at most one {date} and any number of {number}")
            }
            let image = try reader.text("image") ?? "{entry}"
            // A query may be what a server wants for the page: an order, a token, an object store's prefix.
            let folder = URLText.withoutQuery(page)
            let query = page.dropFirst(folder.count).prefix { $0 != "#" }
            return .upstream(
                page: (folder.hasSuffix("/") ? folder : folder + "/") + query, entry: pattern, image: image,
                sums: try reader.text("sums"))
        default: throw reader.error("build", "or upstream must be given, and only one of them")
        }
    }
}

/// Typed look-ups in one table of a recipe.
private struct RecipeReader {
    let table: TOMLTable
    let file: String
    /// Before the key in errors.
    let place: String

    func error(_ key: String, _ reason: String) -> PublisherError {
        .recipe(file: file, key: place + key, reason: reason)
    }

    /// A misspelt key is an error, not a silent default.
    func check(known: Set<String>) throws(PublisherError) {
        for key in table.keys where !known.contains(key) { throw error(key, "is not a key of a recipe") }
    }

    func text(_ key: String, among choices: [String]? = nil) throws(PublisherError) -> String? {
        guard let value = table[key] else { return nil }
        guard let text = value.string, choices?.contains(text) ?? true else {
            throw error(key, choices.map { "must be one of \($0.joined(separator: ", "))" } ?? "must be a string")
        }
        return text
    }

    func texts(_ key: String) throws(PublisherError) -> [String]? {
        guard let value = table[key] else { return nil }
        if let text = value.string { return [text] }
        guard let array = value.array, array.allSatisfy({ $0.string != nil }) else {
            throw error(key, "must be a list of strings")
        }
        return array.compactMap(\.string)
    }

    func flag(_ key: String) throws(PublisherError) -> Bool { try givenFlag(key) ?? false }

    func givenFlag(_ key: String) throws(PublisherError) -> Bool? {
        guard let value = table[key] else { return nil }
        guard let flag = value.bool else { throw error(key, "must be true or false") }
        return flag
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(PublisherError) -> Int? {
        guard let value = table[key] else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw error(key, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
