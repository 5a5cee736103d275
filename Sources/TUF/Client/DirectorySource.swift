import Formats
import Glibc
import Linux

/// A repository's files in a folder: a USB stick, a network file system, the publisher's own tree.
package struct DirectorySource: RepositorySource {
    private let path: String

    /// Files below a folder.
    package init(path: String) { self.path = path }

    package func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        // Decoded as a web server does it, and like there nothing above the folder is to be had.
        guard let name = PercentEncoding.decodeText(path), !name.utf8.contains(0),
            name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ !["", ".", ".."].contains($0) })
        else { throw .notFound }
        let file = "\(self.path)/\(name)"
        do {
            return try await WorkerThread.run(name: "file") { try FileContents.read(file, limit: maximumLength) }
        } catch let error as SystemCallError {
            switch error.code {
            case ENOENT, ENOTDIR: throw .notFound
            case EFBIG: throw .tooLong
            default: throw .unreachable(cause: error)
            }
        } catch {
            throw .unreachable(cause: error)
        }
    }
}
