import ArgumentParser
import Publisher

/// `init TREE`: an empty tree.
struct InitCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make an empty tree: targets/, blocks/ and an empty catalog.")

    @Argument(help: "The tree's folder; made where it lacks.")
    var tree: String

    @Option(help: "The catalog's name; the folder's name by default.")
    var name: String?

    @Option(help: "What the catalog offers, in a sentence.")
    var description = ""

    func run(_ context: Context) throws {
        let folder = tree.split(separator: "/").last.map(String.init) ?? "catalog"
        let made = try PublishedTree.create(path: tree, name: name ?? folder, description: description)
        Console.print("tree:    \(made.path)")
    }
}
