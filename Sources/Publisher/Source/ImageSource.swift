import Glibc
import Linux

/// The image that is published: a raw disk, an ISO or a block device, opened for one pass.
final class ImageSource: Sendable {
    let path: String
    /// Bytes; more than 0.
    let size: UInt64
    private let file: FileHandle
    private let identity: Identity

    // lseek's whence values of Linux (linux/fs.h), which glibc hides behind _GNU_SOURCE.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    fileprivate struct Identity: Equatable {
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// - Parameter size: bytes of the file that are the image, at most all; nil for all.
    /// - Throws: ``PublisherError/image(path:_:)`` or ``PublisherError/unreadable(_:)``.
    init(path: String, size wanted: UInt64? = nil) throws(PublisherError) {
        self.path = path
        do {
            // Without O_NONBLOCK the open of a FIFO waits for a writer.
            file = try FileHandle(path: path, flags: O_RDONLY | O_NONBLOCK)
        } catch {
            throw error.code == ENOENT ? .image(path: path, .missing) : .unreadable(error)
        }
        let whole: UInt64
        do {
            let status = try file.status()
            switch status.st_mode & S_IFMT {
            case S_IFDIR: throw PublisherError.image(path: path, .isDirectory)
            case S_IFREG: whole = UInt64(status.st_size)
            case S_IFBLK:
                whole = UInt64(try file.seek(0, SEEK_END))
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
        posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    /// The next bytes that may differ from zero at or after `offset`: an extent of the file. Nil when only a hole is left.
    ///
    /// A file system or device that knows no holes gives the whole rest.
    func data(from offset: UInt64) -> Range<UInt64>? {
        let start: Int
        do {
            start = try file.seek(Int(offset), ImageSource.seekData)
        } catch {
            return error.code == ENXIO ? nil : offset..<size
        }
        // Without an end the extent is the whole rest, whose zeros are read like other bytes.
        let end = (try? file.seek(start, ImageSource.seekHole)) ?? 0
        guard UInt64(start) < size else { return nil }
        return UInt64(start)..<(end > start ? min(UInt64(end), size) : size)
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
            return own.st_dev == status.st_dev && own.st_ino == status.st_ino
        } catch {
            throw .unreadable(error)
        }
    }
}

extension ImageSource.Identity {
    fileprivate init(_ status: stat) {
        self.init(size: Int(status.st_size), seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }
}
