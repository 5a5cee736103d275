import ArgumentParser
import Boot
import Catalog
import Vendors

extension VendorsCommand {
    struct Changes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "changes",
            abstract: "Show what tables of catalogs change of known systems, as far as you have not allowed it.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let (_, table) = try CommandContext.load().vendorTable()
            CommandContext.noteFaults(of: table.faults)
            if json { return try JSONOutput.print(["changes": table.changes.map { ChangeOutput($0, table) }]) }
            for change in table.changes { Terminal.print(VendorsCommand.line(change)) }
            if !table.changes.isEmpty {
                Terminal.note("These systems stay as they were until 'oscircular vendors accept NAME' allows a change.")
            }
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "accept", abstract: "Allow what tables of catalogs change of known systems.",
            discussion: "On a terminal each change is shown and asked about; elsewhere --yes is needed.")

        @Argument(help: "Systems, aliases or vendors whose changes are allowed.") var names: [String] = []
        @Flag(help: "Allow all changes.") var all = false
        @Flag(help: "Ask nothing.") var yes = false

        func validate() throws {
            guard names.isEmpty == all else { throw ValidationError("give the names of systems, or --all") }
        }

        func run() async throws {
            let context = try CommandContext.load()
            let (library, table) = context.vendorTable()
            var changes: [TableChange] = all ? table.changes : []
            for name in names {
                let vendors = Set(library.table.rows.filter { $0.vendor == name }.map(\.id))
                let meant = table.changes.filter { $0.name == name || vendors.contains($0.before.system) }
                guard !meant.isEmpty || library.hint(name) != nil || !vendors.isEmpty else {
                    let known = library.table.vendors.map(\.name) + library.table.rows.map(\.id)
                    throw VendorsError.noSuchSystem(name, near: NearNames.suggest(name, among: known))
                }
                changes += meant.filter { !changes.contains($0) }
            }
            if changes.isEmpty { return Terminal.note("No change waits.") }
            guard yes || Confirmation.isPossible else {
                for change in changes { Terminal.note(VendorsCommand.line(change)) }
                throw UsageError("nobody can be asked here: --yes allows these changes")
            }
            for change in changes {
                Terminal.note(VendorsCommand.line(change))
                if !yes, !Confirmation.ask("Allow it?") { continue }
                try TableAnswers(places: context.places).keep(change, isAllowed: true)
                Terminal.print("allowed: \(change.name)")
            }
        }
    }

    private static func line(_ change: TableChange) -> String {
        Terminal.clean("\(change.text.prefix(1).uppercased())\(change.text.dropFirst()).")
    }
}

/// A change in `vendors changes --json`.
private struct ChangeOutput: Encodable {
    let name: String
    let catalog: String
    let text: String
    let before: TableChange.Side
    let after: TableChange.Side
    /// Whether you have said no: then `boot` does not ask again.
    let isDeclined: Bool

    init(_ change: TableChange, _ table: SystemsTable) {
        (name, catalog, text) = (change.name, change.catalog, change.text)
        (before, after, isDeclined) = (change.before, change.after, !table.isOpen(change))
    }
}
