import Formats
import Linux

/// Where a repository's files come from: a server, a folder, a mirror. It needs no trust.
package protocol RepositorySource: Sendable {
    /// The bytes of a file.
    /// - Parameters:
    ///   - path: relative to the source's base, such as `3.snapshot.json`, percent-encoded where a URL needs it.
    ///   - maximumLength: reading stops behind so many bytes.
    func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8]
}

/// Why a source gave no bytes.
package enum RepositorySourceError: Error, Sendable {
    /// There is no such file; the source answered.
    case notFound
    /// The file has more bytes than allowed.
    case tooLong
    /// Every place that gave something gave other bytes than were asked for.
    case damaged(UntrustedReason)
    /// No answer, or another than the file.
    case unreachable(cause: any Error)
    /// The task was cancelled.
    case cancelled
}

extension RepositorySourceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound: "there is no such file"
        case .tooLong: "it is longer than it may be"
        case .damaged(let reason): "\(reason)"
        case .unreachable(let cause): "\(cause)"
        case .cancelled: "cancelled"
        }
    }
}

/// A repository's files in a folder: a USB stick, a network file system, the publisher's own tree.
package struct DirectorySource: RepositorySource {
    private let path: String

    /// Files below a folder.
    package init(path: String) { self.path = path }

    package func fetch(_ path: String, maximumLength: Int) async throws(RepositorySourceError) -> [UInt8] {
        // Decoded as a web server does it, and as there, nothing above the folder is available.
        guard let name = PercentEncoding.decodeText(path), !name.utf8.contains(0),
            name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ !["", ".", ".."].contains($0) })
        else { throw .notFound }
        let file = "\(self.path)/\(name)"
        do {
            return try await WorkerThread.run(name: "file") { try FileContents.read(file, limit: maximumLength) }
        } catch let error as SystemCallError {
            switch error.number {
            case .noSuchFile, .notAFolder: throw .notFound
            case .fileTooLarge: throw .tooLong
            default: throw .unreachable(cause: error)
            }
        } catch {
            throw .unreachable(cause: error)
        }
    }
}
