import Linux

/// The image that is published: a raw disk, an ISO or a block device, opened for one pass.
final class ImageSource: Sendable {
    let path: String
    /// Bytes; more than 0.
    let size: UInt64
    /// How the file looked when it was opened.
    let identity: Identity
    private let file: FileHandle
    /// How the image lies in the file; nil where it is the file.
    private let disk: Qcow2Disk?

    /// What tells a file that was written to from one that was not.
    struct Identity: Sendable, Equatable {
        /// Bytes.
        let size: Int
        /// Nanoseconds since 1970.
        let modified: Int64

        init(_ status: FileStatus) { self.init(size: status.size, modified: status.modifiedNanoseconds) }

        init(size: Int, modified: Int64) { (self.size, self.modified) = (size, modified) }
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
        disk = nil
        file.willBeReadInOrder()
    }

    /// The disk in a qcow2 file, which is read where it lies.
    /// - Throws: ``PublisherError/image(path:_:)`` or ``PublisherError/unreadable(_:)``.
    init(qcow2 file: ImageSource) throws(PublisherError) {
        let disk = try Qcow2Disk(file)
        (path, size, identity, self.file, self.disk) = (file.path, disk.size, file.identity, file.file, disk)
    }

    /// The next bytes that may differ from zero at or after `offset`: an extent of the file. Nil when only a hole is left.
    ///
    /// A file system or device that knows no holes gives the whole rest.
    func data(from offset: UInt64) -> Range<UInt64>? {
        if let disk { return disk.data(from: offset) }
        let found: Range<Int>?
        // What cannot be asked is read as a whole: its zeros are read like other bytes.
        do { found = try file.data(from: Int(offset)) } catch { return offset..<size }
        guard let found, UInt64(found.lowerBound) < size else { return nil }
        return UInt64(found.lowerBound)..<(found.isEmpty ? size : min(UInt64(found.upperBound), size))
    }

    /// The whole file that the image lies in.
    var container: ImageSource { disk?.file ?? self }

    /// Where the file's bytes lie on its disk.
    /// - Returns: nil where that is in more than `most` pieces.
    /// - Throws: ``SystemCallError``.
    func extents(most: Int) throws(SystemCallError) -> [FileExtent]? { try file.extents(most: most) }

    /// Whether two files are on one file system, and not the same.
    /// - Throws: ``SystemCallError``.
    func isBeside(_ other: ImageSource) throws(SystemCallError) -> Bool {
        let (own, its) = (try file.status().identity, try other.file.status().identity)
        return own.device == its.device && own.inode != its.inode
    }

    /// What is noted beside the file's bytes under a name; nil where nothing is, or that cannot be read.
    func note(_ name: String) -> String? {
        // Whoever asks takes it for a file of which nothing is known.
        try? file.note(name, limit: 256)
    }

    /// Notes something, where the file system and the file's owner allow it.
    func setNote(_ name: String, _ text: String) {
        // Without it, all of the image is read the next time.
        try? file.setNote(name, text)
    }

    /// Some bytes of the file, fewer at its end.
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
        if let disk { return try disk.read(into: buffer, at: offset) }
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
    func checkUnchanged() throws(PublisherError) { if !isUnchanged { throw .image(path: path, .changed) } }

    /// Whether nobody wrote to the file since it was opened.
    var isUnchanged: Bool {
        // What cannot be looked at is not published either.
        guard let status = try? file.status() else { return false }
        return Identity(status) == identity
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
