import ArgumentParser
import Formats
import Linux
import ObjectStore
import Publisher
import TUF

/// `mirror SOURCE TREE|s3://BUCKET[/PREFIX]`: a copy of a tree that readers may use as if it were the tree.
struct MirrorCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "mirror", abstract: "Copy a tree, or some of its distributions, to a folder or an object store.",
        discussion: """
            Everything is verified on the way; what is there already is not copied again, and readers of the copy see the old
            tree or the new one at every moment. Run it again to go on after a stop, and every week for updates. None of
            the publisher's keys is needed.
            """)

    @Argument(help: "The tree: a URL or a folder.") var source: String
    @Argument(help: "A folder, or s3://BUCKET[/PREFIX].") var destination: String
    @Option(
        name: [.customLong("distribution")],
        help: ArgumentHelp("Only this distribution; may be repeated.", valueName: "id"))
    var distributions: [String] = []
    @Option(help: "Blocks that are copied at the same time: 1 to 64.") var jobs = 16
    @Option(
        help: ArgumentHelp(
            "Remove files that the tree has not named for this many days; by default nothing is removed.",
            valueName: "days"))
    var deleteAfter: Int?
    @Option(help: ArgumentHelp("A file with the root metadata that the tree must begin with.", valueName: "file"))
    var root: String?
    @Option(help: ArgumentHelp("SHA-256 of that root, as 'key list' prints it.", valueName: "hex")) var fingerprint:
        String?
    @Option(help: "The object store's URL; AWS_ENDPOINT_URL by default.") var endpoint: String?
    @Option(help: "The object store's region; AWS_REGION, else us-east-1.") var region: String?
    @Option(help: "A canned access list for every object, such as public-read; else the bucket's policy counts.")
    var acl: String?

    func validate() throws {
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs must be 1 to 64") }
        if let deleteAfter, !(0...36_500).contains(deleteAfter) {
            throw ValidationError("--delete-after must be days, 0 or more")
        }
        if let fingerprint {
            guard fingerprint.utf8.count == 64, fingerprint.allSatisfy(\.isHexDigit) else {
                throw ValidationError("--fingerprint must have 64 hexadecimal digits")
            }
        }
    }

    func run(_ context: Context) throws {
        var options = MirrorOptions()
        options.distributions = Set(distributions)
        options.jobs = jobs
        options.fingerprint = fingerprint
        options.deleteAfterDays = deleteAfter
        if let root {
            do { options.root = try FileContents.read(root, limit: ClientLimits().rootLength) } catch {
                throw PublisherError.unreadable(error)
            }
        }
        let progress = PublishProgress()
        let mirror =
            destination.hasPrefix("s3://")
            ? try toObjectStore(options, progress, context)
            : try TreeMirror.toFolder(
                destination, from: source, options: options, progress: progress, cancellation: context.cancellation)
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let result = try mirror.run()
        printer.stop()
        Console.print("versions:    \(result.versions)")
        Console.print(
            "blocks:      \(result.copiedBlocks) copied, \(ByteCount.precise(result.copiedBytes)); "
                + "\(result.presentBlocks) were there")
        Console.print("files:       \(result.copiedTargets) catalogs, indexes and boot sets copied")
        if deleteAfter != nil { Console.print("removed:     \(result.removedFiles) files") }
        Console.print("timestamp:   version \(result.timestampVersion)")
        Console.print("fingerprint: \(result.fingerprint)")
        if !destination.hasPrefix("s3://") { AccessWarning.print(destination) }
    }

    private func toObjectStore(
        _ options: MirrorOptions, _ progress: PublishProgress, _ context: Context
    ) throws -> TreeMirror {
        guard
            let endpoint = endpoint ?? Environment.value("AWS_ENDPOINT_URL_S3") ?? Environment.value("AWS_ENDPOINT_URL")
        else {
            throw ValidationError("\(destination) needs --endpoint, the object store's URL")
        }
        let region = region ?? Environment.value("AWS_REGION") ?? Environment.value("AWS_DEFAULT_REGION") ?? "us-east-1"
        guard let location = ObjectStoreLocation(destination, endpoint: endpoint, region: region) else {
            throw ValidationError(
                "\(destination) at \(endpoint) is not a bucket: give s3://BUCKET[/PREFIX] and --endpoint http[s]://HOST[:PORT]"
            )
        }
        guard let credentials = ObjectStoreCredentials(environment: Environment.value) else {
            throw MirrorError.noCredentials
        }
        return try TreeMirror.toObjectStore(
            location, credentials: credentials, accessList: acl, from: source, options: options, progress: progress,
            cancellation: context.cancellation)
    }
}
