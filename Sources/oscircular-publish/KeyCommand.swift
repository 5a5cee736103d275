import ArgumentParser
import Publisher
import TUF

/// `key list|rotate|delegate|sign TREE`: who may sign what.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Show and change the keys that sign a tree.",
        subcommands: [List.self, Rotate.self, Delegate.self, Sign.self])

    struct List: PublishSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the tree's fingerprint, its roles and which of their keys are stored here.")

        @Argument(help: "The tree.") var tree: String
        @OptionGroup var keyOptions: KeyOptions

        func run(_ context: Context) throws {
            let tree = try PublishedTree(path: tree, keys: try keyOptions.signingKeys(for: tree))
            Console.print("fingerprint: \(try tree.fingerprint())")
            for role in try tree.roles() {
                Console.print("\(role.role): \(role.threshold) of \(role.keys.count), expires \(role.expires)")
                for key in role.keys { Console.print("  \(key.id)  \(key.isHere ? "here" : "elsewhere")") }
            }
        }
    }

    struct Rotate: PublishSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace a role's keys with a new one.",
            discussion: "Signed by the old keys and the root's. Remove the old key's file once all is well.")

        @Argument(help: "The tree.") var tree: String
        @Argument(help: "root, targets, snapshot or timestamp.") var role: TopLevelRole
        @Flag(help: "Encrypt the new key with a passphrase.") var encrypt = false
        @OptionGroup var keyOptions: KeyOptions
        @OptionGroup var clock: ClockOptions

        func run(_ context: Context) throws {
            let tree = try keyOptions.open(tree, clock)
            let id = try tree.rotate(role, passphrase: encrypt ? try Passphrase.new() : nil)
            Console.print("\(role.rawValue): \(id)")
            AccessWarning.print(tree.path, isWhole: false)
        }
    }

    struct Delegate: PublishSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a key that signs the versions of one distribution, and nothing else.")

        @Argument(help: "The tree.") var tree: String
        @Argument(help: "The distribution's id.") var distro: String
        @Flag(help: "Encrypt the key with a passphrase.") var encrypt = false
        @OptionGroup var keyOptions: KeyOptions
        @OptionGroup var clock: ClockOptions

        func run(_ context: Context) throws {
            let tree = try keyOptions.open(tree, clock)
            let id = try tree.delegate(distro, passphrase: encrypt ? try Passphrase.new() : nil)
            Console.print("\(distro): \(id)")
            AccessWarning.print(tree.path, isWhole: false)
        }
    }

    struct Sign: PublishSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a change that waits for keys that were not at hand, and publish it.")

        @Argument(help: "The tree.") var tree: String
        @OptionGroup var keyOptions: KeyOptions
        @OptionGroup var clock: ClockOptions

        func run(_ context: Context) throws {
            let tree = try keyOptions.open(tree, clock)
            try tree.resume()
            Console.print("published")
            AccessWarning.print(tree.path, isWhole: false)
        }
    }
}

extension TopLevelRole: ExpressibleByArgument {}
