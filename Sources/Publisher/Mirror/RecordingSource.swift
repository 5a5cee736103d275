import Synchronization
import TUF

/// Keeps what a client fetched through it: the metadata files that the copy needs, as they were.
final class RecordingSource: RepositorySource {
    private let source: any RepositorySource
    private let files = Mutex<[String: [UInt8]]>([:])

    init(_ source: any RepositorySource) { self.source = source }

    /// By path.
    var fetched: [String: [UInt8]] { files.withLock { $0 } }

    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        let bytes = try await source.fetch(path, maximumLength: maximumLength)
        files.withLock { $0[path] = bytes }
        return bytes
    }
}
