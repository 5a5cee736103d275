import Glibc
import Linux
import TUF

/// Follows a tree's metadata as a reader does that starts from its first root.
enum MetadataCheck {
    /// What a reader would say; nil when it believes all of it. Blocks; not for the cooperative pool.
    static func run(tree: String) -> TUFError? {
        do {
            let scratch = try WorkFolder()
            let root = try FileContents.read("\(tree)/metadata/1.root.json", limit: 1 << 20)
            try Blocking.run {
                let client = try TUFClient(
                    store: DirectoryMetadataStore(path: scratch.path), trustedRoot: root,
                    metadata: DirectorySource(path: "\(tree)/metadata"),
                    targets: DirectorySource(path: "\(tree)/targets"))
                _ = try await client.allTargets()
            }
            return nil
        } catch let error as TUFError {
            return error
        } catch {
            return .state(error as? SystemCallError ?? SystemCallError(code: EIO, call: "verify", subject: tree))
        }
    }
}
