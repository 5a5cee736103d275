import ArgumentParser
import Curl
import Formats
import Linux
import TUF

/// The TUF module behind the command line of the public conformance suite (theupdateframework/tuf-conformance).
@main
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tuf-client", abstract: "A client of The Update Framework 1.0.",
        discussion: "The command line is that of the public conformance suite. Exit code 0: done; 1: anything else.")

    /// What is to be done.
    enum Action: String, ExpressibleByArgument, CaseIterable {
        case `init`
        case refresh
        case download
    }

    @Option(help: "The folder with the trusted metadata.")
    var metadataDir: String

    @Option(help: "Where the repository's metadata is: an http, https or file URL.")
    var metadataUrl: String?

    @Option(help: "A target to download; may be repeated.")
    var targetName: [String] = []

    @Option(help: "Where the repository's targets are.")
    var targetBaseUrl: String?

    @Option(help: "The folder that gets the targets.")
    var targetDir: String?

    @Argument(help: "init ROOT, refresh or download.")
    var action: Action

    @Argument(help: "The root metadata to trust, for init.")
    var root: String?

    /// The suite knows two exit codes; help is a success.
    static func main() async {
        MainProgram.start(name: "tuf-client")
        do {
            var program = try parse()
            try await program.run()
        } catch {
            let code = exitCode(for: error)
            if code == .success {
                StandardOutput.program.print(fullMessage(for: error))
                MainProgram.end(0, name: "tuf-client")
            }
            let text = error is TUFError || error is SystemCallError ? "\(error)" : fullMessage(for: error)
            StandardError.write("tuf-client: \(text)\n")
            CurrentProcess.end(1)
        }
        MainProgram.end(0, name: "tuf-client")
    }

    mutating func validate() throws {
        switch action {
        case .`init`: if root == nil { throw ValidationError("init needs the file with the root metadata") }
        case .refresh: if metadataUrl == nil { throw ValidationError("refresh needs --metadata-url") }
        case .download:
            guard metadataUrl != nil, targetBaseUrl != nil, targetDir != nil, !targetName.isEmpty else {
                throw ValidationError(
                    "download needs --metadata-url, --target-name, --target-base-url and --target-dir")
            }
        }
    }

    mutating func run() async throws {
        let store = DirectoryMetadataStore(path: metadataDir)
        if action == .`init` {
            let limits = ClientLimits()
            let bytes = try FileContents.read(root ?? "", limit: limits.rootLength)
            return try TUFClient.initialize(store, root: bytes, limits: limits)
        }
        let queue = TransferQueue(options: TransferOptions(userAgent: "oscircular-tuf-client"))
        defer { queue.close() }
        let client = try TUFClient(
            store: store, metadata: URLSource(base: metadataUrl ?? "", queue: queue),
            targets: URLSource(base: targetBaseUrl ?? "", queue: queue))
        try await client.refresh()
        for name in targetName where action == .download { try await download(name, with: client) }
    }

    private func download(_ name: String, with client: TUFClient) async throws {
        guard let target = try await client.target(name) else { throw TUFError.notFound(file: name) }
        try TargetName.check(name)
        // One file a target, directly in the folder: `dir/name` becomes `dir%2Fname`.
        let path = "\(targetDir ?? ".")/\(PercentEncoding.fileName(of: name))"
        // What cannot be read is fetched anew.
        if let present = try? FileContents.read(path, limit: target.length),
            target.identity.mismatch(present) == nil
        {
            return
        }
        let bytes = try await client.download(target)
        try Folder.make(targetDir ?? ".")
        try AtomicFile.write(bytes, to: path)
    }
}
