import Glibc
import Linux
import Synchronization
import TUF

/// Follows a tree's metadata as a reader does that starts from its first root.
enum MetadataCheck {
    /// What a reader would say; nil when it believes all of it. Blocks; not for the cooperative pool.
    static func run(tree: String) -> TUFError? {
        let done = DoneFlag()
        Task {
            done.finish(await refresh(tree: tree))
        }
        return done.wait()
    }

    private static func refresh(tree: String) async -> TUFError? {
        var template = Array("/tmp/oscircular-verify-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return .state(.last("mkdtemp", "/tmp")) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? Folder.removeTree(folder) }
        do throws(TUFError) {
            let root: [UInt8]
            do {
                root = try FileContents.read("\(tree)/metadata/1.root.json", limit: 1 << 20)
            } catch {
                throw .state(error)
            }
            let client = try TUFClient(
                store: DirectoryMetadataStore(path: folder), trustedRoot: root,
                metadata: DirectorySource(path: "\(tree)/metadata"), targets: DirectorySource(path: "\(tree)/targets"))
            try await client.refresh()
            return nil
        } catch {
            return error
        }
    }
}

/// The answer of a task for a thread that waits for it.
private final class DoneFlag: Sendable {
    private let answer = Mutex<TUFError?>(nil)
    private let event = try? EventDescriptor()

    func finish(_ error: TUFError?) {
        answer.withLock { $0 = error }
        event?.signal()
    }

    func wait() -> TUFError? {
        event?.wait()
        return answer.withLock { $0 }
    }
}
