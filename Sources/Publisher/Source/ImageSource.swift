import Linux

/// The image that is published: a raw disk, an ISO or a block device, opened for one pass.
final class ImageSource: Sendable {
    let path: String
    /// Bytes; more than 0.
    let size: UInt64
    private let file: FileHandle
    private let identity: Identity

    private struct Identity: Equatable {
        let size: Int
        let modified: Int64

        init(_ status: FileStatus) { (size, modified) = (status.size, status.modifiedNanoseconds) }
    }

    /// - Parameter size: bytes of the file that are the image, at most all; nil for all.
    /// - Throws: ``PublisherError/image(path:_:)`` or ``PublisherError/unreadable(_:)``.
    init(path: String, size wanted: UInt64? = nil) throws(PublisherError) {
        self.path = path
        do {
            // Else the open of a pipe would wait for a writer.
            file = try FileHandle(path, for: .reading, .nonblocking)
        } catch {
            throw error.number == .noSuchFile ? .image(path: path, .missing) : .unreadable(error)
        }
        let whole: UInt64
        do {
            let status = try file.status()
            switch status.kind {
            case .folder: throw PublisherError.image(path: path, .isDirectory)
            case .regular: whole = UInt64(status.size)
            case .blockDevice: whole = UInt64(try file.seekToEnd())
            default: throw PublisherError.image(path: path, .isSpecial)
            }
            identity = Identity(status)
        } catch let error as PublisherError {
            throw error
        } catch let error as SystemCallError {
            throw .unreadable(error)
        } catch {
            throw .image(path: path, .isSpecial)
        }
        size = min(whole, wanted ?? whole)
        guard size > 0 else { throw .image(path: path, .empty) }
        file.willBeReadInOrder()
    }

    /// The next bytes that may differ from zero at or after `offset`: an extent of the file. Nil when only a hole is left.
    ///
    /// A file system or device that knows no holes gives the whole rest.
    func data(from offset: UInt64) -> Range<UInt64>? {
        let found: Range<Int>?
        // What cannot be asked is read as a whole: its zeros are read like other bytes.
        do { found = try file.data(from: Int(offset)) } catch { return offset..<size }
        guard let found, UInt64(found.lowerBound) < size else { return nil }
        return UInt64(found.lowerBound)..<(found.isEmpty ? size : min(UInt64(found.upperBound), size))
    }

    /// Some bytes, fewer at the file's end.
    /// - Throws: ``PublisherError/unreadable(_:)``.
    func bytes(at offset: UInt64, count wanted: Int) throws(PublisherError) -> [UInt8] {
        guard offset < size else { return [] }
        let count = Int(min(UInt64(wanted), size - offset))
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: SystemCallError?
        var read = 0
        bytes.withUnsafeMutableBytes { buffer in
            do throws(SystemCallError) { read = try file.read(into: buffer, at: Int(offset)) } catch { failure = error }
        }
        if let failure {
            throw .unreadable(SystemCallError(code: failure.code, call: "read", subject: path))
        }
        bytes.removeLast(count - read)
        return bytes
    }

    /// Fills the buffer.
    /// - Throws: ``PublisherError/image(path:_:)`` when the file has become shorter, else ``PublisherError/unreadable(_:)``.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(PublisherError) {
        do {
            guard try file.read(into: buffer, at: Int(offset)) == buffer.count else {
                throw PublisherError.image(path: path, .changed)
            }
        } catch let error as PublisherError {
            throw error
        } catch let error as SystemCallError {
            throw .unreadable(SystemCallError(code: error.code, call: "read", subject: path))
        } catch {
            throw .image(path: path, .changed)
        }
    }

    /// - Throws: ``PublisherError/image(path:_:)`` when the file was written to since it was opened.
    func checkUnchanged() throws(PublisherError) {
        // What cannot be looked at is not published either.
        guard let status = try? file.status(), Identity(status) == identity else {
            throw .image(path: path, .changed)
        }
    }

    /// Whether a path leads to this very file, so that writing there would destroy the image.
    /// - Throws: ``PublisherError/unreadable(_:)`` when that cannot be seen.
    func isSameFile(as other: String) throws(PublisherError) -> Bool {
        do {
            guard let status = try Paths.status(other) else { return false }
            let own = try file.status()
            return own.identity == status.identity
        } catch {
            throw .unreadable(error)
        }
    }
}
