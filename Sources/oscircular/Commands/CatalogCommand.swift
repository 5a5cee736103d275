import ArgumentParser
import Boot
import Catalog
import Curl
import Linux

/// `oscircular catalog add|list|remove|refresh`.
struct CatalogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Follow a publisher's catalog, or stop following it.",
        subcommands: [Add.self, List.self, Remove.self, Refresh.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Follow the catalog of a published tree.")

        @Argument(help: "Your name for it.") var name: String
        @Argument(help: "The tree's URL (http, https, file), or a folder.") var url: String
        @Option(
            help: "The publisher's root metadata (metadata/1.root.json), obtained over a separate, trusted channel.")
        var root: String?
        @Option(help: "The SHA-256 of the publisher's metadata/1.root.json, 64 hexadecimal digits.") var fingerprint:
            String?
        @Flag(help: "Follow a folder's tree even if what its publisher signed has expired, as on a stick.")
        var allowExpired = false

        func validate() throws {
            if root != nil && fingerprint != nil {
                throw ValidationError("--root and --fingerprint serve the same purpose: give only one")
            }
            if let fingerprint, fingerprint.count != 64 || !fingerprint.allSatisfy(\.isHexDigit) {
                throw ValidationError("--fingerprint must be 64 hexadecimal digits")
            }
        }

        func run() async throws {
            let context = try CommandContext.load()
            let place = try !URLText.isURL(url) && Folder.isFolder(url) ? AbsolutePath.of(url) : url
            let source = try CatalogSource(name: name, location: place, allowsExpired: allowExpired)
            let copy = try await context.library().add(source, trust: try trust(source))
            let systems = copy.document?.distributions.count ?? 0
            let key = copy.trust.map { ", signed by key \($0.fingerprint.prefix(16))" } ?? ""
            Terminal.print("added \(name): \(systems) operating system\(systems == 1 ? "" : "s")\(key)")
            if let error = copy.error { Terminal.note(ErrorReport(error).message) }
        }

        private func trust(_ source: CatalogSource) throws -> CatalogTrust {
            if let root { return .root(try FileContents.read(root, limit: 1 << 20)) }
            if let fingerprint { return .fingerprint(fingerprint) }
            return .ask { fingerprint in
                Terminal.note("The catalog at \(source.shownURL) is signed by the key with the fingerprint")
                Terminal.note("    \(fingerprint)")
                Terminal.note(
                    "Compare it with what the publisher states ('oscircular-publish key list' prints it there).")
                guard Confirmation.isPossible else { return false }
                guard Confirmation.ask("Follow this publisher?") else { return false }
                if source.isPrivate { return true }
                Terminal.note("This came over http, so anybody on the way may have changed it.")
                return Confirmation.ask("Is it really the publisher's fingerprint?")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Show the catalogs that you follow.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let library = try CommandContext.load().library()
            try library.requireReadable()
            let rows = library.sources().map { CatalogRow(library.copy(of: $0)) }
            Self.noteDamaged(library)
            if json { return try JSONOutput.print(["catalogs": rows]) }
            if rows.isEmpty { Self.noteNone(library) }
            for row in rows {
                Terminal.print("\(row.name)  \(row.url)  \(row.state)\(row.expires.map { "  until \($0)" } ?? "")")
            }
        }

        /// Tells the user if no catalog is followed and no vendor's system is offered.
        static func noteNone(_ library: CatalogLibrary) {
            guard library.damagedSources().isEmpty else { return }
            Terminal.note("No catalog yet: add one with 'oscircular catalog add NAME URL'.")
        }

        /// Tells the user which followed catalogs have lost their address.
        static func noteDamaged(_ library: CatalogLibrary) {
            for name in library.damagedSources() {
                Terminal.note(
                    "catalog \(name): its stored address is damaged; add it again with 'oscircular catalog add \(name) URL'"
                )
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Stop following a catalog. Cached blocks stay.")

        @Argument(help: "Its name.") var name: String

        func run() async throws {
            try CommandContext.load().library().remove(name)
        }
    }

    struct Refresh: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "refresh", abstract: "Ask all publishers for their newest catalog.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let context = try CommandContext.load()
            let library = context.library()
            var rows: [CatalogRow] = []
            var failure: (any Error)?
            for source in library.sources() {
                let copy = await library.refreshed(source)
                rows.append(CatalogRow(copy))
                if !copy.isCurrent { failure = failure ?? copy.error }
            }
            List.noteDamaged(library)
            await DepartedVersions(places: context.places, systems: context.systems(), cache: context.cache())
                .tidy(context.registry)
            if json {
                try JSONOutput.print(["catalogs": rows])
            } else {
                for row in rows { Terminal.print("\(row.name)  \(row.state)") }
            }
            if let failure { throw failure }
        }
    }
}

/// A catalog in `--json` output.
struct CatalogRow: Encodable {
    let name: String
    let url: String
    let state: String
    let updated: String?
    /// When the publisher's signature on it expires.
    let expires: String?
    /// SHA-256 of the first root metadata that was trusted.
    let fingerprint: String?
    let error: String?

    init(_ copy: CatalogCopy) {
        name = copy.source.name
        url = copy.source.shownURL
        state = copy.state.rawValue
        updated = copy.document?.updated.description
        expires = copy.trust?.expires.description
        fingerprint = copy.trust?.fingerprint
        error = copy.error.map { ErrorReport($0).message }
    }

    /// Unknown values are null, not absent.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(url, forKey: .url)
        try container.encode(state, forKey: .state)
        try container.encode(updated, forKey: .updated)
        try container.encode(expires, forKey: .expires)
        try container.encode(fingerprint, forKey: .fingerprint)
        try container.encode(error, forKey: .error)
    }

    private enum CodingKeys: String, CodingKey {
        case name, url, state, updated, expires, fingerprint, error
    }
}
