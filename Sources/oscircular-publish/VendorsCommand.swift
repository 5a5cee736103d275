import ArgumentParser
import Publisher

/// `vendors TREE [FOLDER]`: the table of vendors that a tree's readers may use.
struct VendorsCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "vendors",
        abstract: "Publish a table of vendors, for readers who name this catalog as its source.",
        discussion: """
            FOLDER has one TOML file a vendor, as oscircular-vendors(5) describes them. All of them are checked first, as readers check
            them, and take the place of what was published before. Without FOLDER the systems that are published are shown.
            """)

    @Argument(help: "The tree.")
    var tree: String

    @Argument(help: "The folder with NAME.toml for each vendor.")
    var folder: String?

    @Flag(help: "Take the table back.")
    var remove = false

    @OptionGroup var keyOptions: KeyOptions
    @OptionGroup var clock: ClockOptions

    func validate() throws {
        if remove, folder != nil { throw ValidationError("--remove takes no folder") }
    }

    func run(_ context: Context) throws {
        let tree = try keyOptions.open(tree, clock)
        if let folder {
            let result = try tree.publishTable(folder)
            let what = "\(result.systems) systems of \(result.vendors) vendors"
            Console.print(result.isNew ? "published: \(what)" : "unchanged: \(what)")
        } else if remove {
            Console.print(try tree.removeTable() ? "removed" : "there is no table")
        } else {
            for vendor in try tree.tableSystems() {
                Console.print("\(vendor.vendor): \(vendor.systems.joined(separator: ", "))")
            }
            return
        }
        ExpiryWarning.print(tree)
        AccessWarning.print(tree.path, isWhole: false)
    }
}
