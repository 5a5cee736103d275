import ArgumentParser
import Boot
import Catalog

/// `oscircular catalog add|list|remove|refresh`.
struct CatalogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Follow a publisher's catalog, or stop following it.",
        subcommands: [Add.self, List.self, Remove.self, Refresh.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Follow the catalog of a published tree.")

        @Argument(help: "Your name for it.") var name: String
        @Argument(help: "The tree's URL (http, https, file), or a folder's absolute path.") var url: String

        func run() async throws {
            let context = try CommandContext.load()
            let copy = try await context.library().add(try CatalogSource(name: name, location: url))
            let systems = copy.document?.distributions.count ?? 0
            Terminal.print("added \(name) (unsigned): \(systems) operating system\(systems == 1 ? "" : "s")")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the catalogs that you follow.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let library = try CommandContext.load().library()
            let rows = library.sources().map { CatalogRow(library.copy(of: $0)) }
            if json { return try JSONOutput.print(["catalogs": rows]) }
            if rows.isEmpty { Terminal.note("No catalog yet: add one with 'oscircular catalog add NAME URL'.") }
            for row in rows { Terminal.print("\(row.name)  \(row.url)  \(row.state)  unsigned") }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop following a catalog. Cached blocks stay.")

        @Argument(help: "Its name.") var name: String

        func run() async throws {
            try CommandContext.load().library().remove(name)
        }
    }

    struct Refresh: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ask all publishers for their newest catalog.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let library = try CommandContext.load().library()
            var rows: [CatalogRow] = []
            var failure: (any Error)?
            for source in library.sources() {
                let copy = await library.refreshed(source)
                rows.append(CatalogRow(copy))
                if copy.state != .fresh { failure = failure ?? copy.error }
            }
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
    /// Unsigned catalogs do not expire.
    let expires: String?
    let signed: Bool
    let error: String?

    init(_ copy: CatalogCopy) {
        name = copy.source.name
        url = copy.source.url
        state = copy.state.rawValue
        updated = copy.document?.updated.description
        expires = nil
        signed = false
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
        try container.encode(signed, forKey: .signed)
        try container.encode(error, forKey: .error)
    }

    private enum CodingKeys: String, CodingKey {
        case name, url, state, updated, expires, signed, error
    }
}
