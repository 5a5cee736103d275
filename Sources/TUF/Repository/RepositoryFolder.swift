import Formats
import Linux

/// The files of a repository: `metadata/`, `targets/`, and `drafts/` for what waits for signatures.
package struct RepositoryFolder: Sendable {
    private static let maximumLength = 1 << 30
    /// Without a slash at its end.
    package let path: String

    package init(path: String) { self.path = path }

    /// A metadata file; nil when there is none.
    func metadata(_ file: String) throws(RepositoryError) -> SignedDocument? { try document("metadata/\(file)") }

    /// A change of a role that waits for signatures.
    func draft(of role: String) throws(RepositoryError) -> SignedDocument? {
        try document("drafts/\(PercentEncoding.fileName(of: role)).json")
    }

    private func document(_ file: String) throws(RepositoryError) -> SignedDocument? {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try FileContents.read("\(path)/\(file)", limit: Self.maximumLength)
        } catch  where error.number == .noSuchFile || error.number == .notAFolder {
            return nil
        } catch {
            throw .file(error)
        }
        do throws(MetadataFault) {
            return try SignedDocument(bytes, maximumLength: Self.maximumLength)
        } catch {
            throw .damaged(file: file, error)
        }
    }

    /// Writes a file that appears whole: a reader sees the old one, or none, or this one.
    func write(_ bytes: [UInt8], to file: String) throws(RepositoryError) {
        do throws(SystemCallError) {
            try makeFolders(above: file)
            try AtomicFile.write(bytes, to: "\(path)/\(file)", durable: true)
        } catch {
            throw .file(error)
        }
    }

    /// Removes a file, if it is there.
    func remove(_ file: String) throws(RepositoryError) {
        do throws(SystemCallError) { try Paths.remove("\(path)/\(file)") } catch { throw .file(error) }
    }

    /// Removes a folder, if it is there.
    func removeFolder(_ folder: String) throws(RepositoryError) {
        do throws(SystemCallError) { try Paths.removeFolder("\(path)/\(folder)") } catch { throw .file(error) }
    }

    func has(_ file: String) throws(RepositoryError) -> Bool {
        do throws(SystemCallError) { return try Paths.isThere("\(path)/\(file)") } catch { throw .file(error) }
    }

    /// The roles whose drafts are there, sorted; names are decoded.
    func draftRoles() throws(RepositoryError) -> [String] {
        do throws(SystemCallError) {
            return try Folder.names(in: "\(path)/drafts").filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
                .compactMap { PercentEncoding.decodeText(String($0.dropLast(5))) }.sorted()
        } catch {
            throw .file(error)
        }
    }

    /// The repository for one change; released with the result.
    func lock() throws(RepositoryError) -> FileHandle {
        do throws(SystemCallError) {
            let folder = try FileHandle(path, for: .reading, .folder)
            guard try folder.lock(exclusive: true, wait: false) else {
                throw SystemCallError(.busy, call: "flock")
            }
            return folder
        } catch  where error.number == .busy {
            throw .busy
        } catch {
            throw .file(error)
        }
    }

    /// Readable by the web server, unlike the folders of a user's state.
    func makeFolders(above file: String) throws(SystemCallError) {
        var folder = path
        for part in [""] + file.split(separator: "/").dropLast().map({ "/\($0)" }) {
            folder += part
            try Folder.make(folder, above: false)
        }
    }
}
