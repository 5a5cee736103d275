import BlockStore
import DiskImage
import FUSE
import Formats
import ImageIndex
import Linux
import Logging

/// The disk in an image as one read-only file in a folder of its own, served by this process. The image is the disk, or a file that
/// the disk lies in (``DiskFormat``).
///
/// It stays mounted until it is unmounted, even when nothing refers to it any more. Do not read the file from this process's
/// cooperative pool.
package final class MountedImage: Sendable {
    /// The folder; absolute, links resolved.
    package let directory: String
    /// The file.
    package let path: String
    /// What reads the image: of a plain format that is the disk, else the file that the disk lies in.
    package let reader: ImageReader
    /// The disk in the image, where that is not plain.
    package let decoded: DecodedImage?
    /// Bytes of the disk, which is the mounted file.
    package let size: UInt64
    private let mount: FUSEMount

    private init(
        directory: String, path: String, reader: ImageReader, decoded: DecodedImage?, size: UInt64, mount: FUSEMount
    ) {
        self.directory = directory
        self.path = path
        self.reader = reader
        self.decoded = decoded
        self.size = size
        self.mount = mount
    }

    /// Mounts an image; returns when the file can be opened. A mount that a dead process left at the folder is cleared first.
    /// - Parameters:
    ///   - directory: an existing empty folder.
    ///   - fileName: the file's name in it.
    ///   - format: how the disk lies in the image. Where it is not plain, this waits for the parts of the image that say where.
    ///   - layout: what these say, where they have been read before: then nothing is waited for.
    ///   - ledger: what the pieces of a vendor's file were when they came.
    /// - Throws: ``ImageMountError``.
    package static func mount(
        index: ImageIndex, store: any BlockStore, at directory: String, fileName: String,
        options: MountOptions = MountOptions(), observer: (any ReadObserver)? = nil,
        format: DiskFormat = .raw, layout: (any DiskLayout)? = nil, ledger: PieceLedger? = nil
    ) throws(ImageMountError) -> MountedImage {
        let isUsable = !fileName.isEmpty && fileName != "." && fileName != ".." && fileName.utf8.count <= 255
        guard isUsable, !fileName.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) else {
            throw .unusableName(fileName)
        }
        // fusermount3 says so on standard error only.
        if options.readers == .everyone, !FUSECure.mayShowToOthers() { throw .notForOthers }
        let directory = try mountPoint(directory)
        let log = Logger(label: "oscircular.mount")
        LibraryLog.setHandler(
            { level, text in log.log(level: level <= 3 ? .error : .warning, "libfuse: \(text)") }, replacing: false)
        let reader = ImageReader(
            index: index, store: store, options: options.read, observer: observer, ledger: ledger)
        do {
            let layout = try layout ?? format.layout(of: reader)
            let decoded = layout.map { DecodedImage(reader, layout: $0) }
            let size = decoded?.layout.diskSize ?? index.imageSize
            let mount = try FUSEMount(
                mountingAt: directory, fileName: fileName, size: size, modified: options.modified,
                options: FUSEMount.Options(readers: options.readers), reader: decoded ?? reader as any FileReader)
            mount.whenEnded { reader.close() }
            return MountedImage(
                directory: directory, path: "\(directory == "/" ? "" : directory)/\(fileName)", reader: reader,
                decoded: decoded, size: size, mount: mount)
        } catch {
            reader.close()
            switch error {
            case let error as MountError: throw ImageMountError(error)
            case let error as ImageMountError: throw error
            default: preconditionFailure("nothing else is thrown: \(error)")
            }
        }
    }

    /// Reads bytes of the disk, as a guest's reads do.
    /// - Parameter range: what of it lies within the disk is read.
    /// - Throws: ``DiskImageError``, ``ImageReadError``; ``SystemCallError`` when no thread could be started for it.
    package func read(_ range: Range<UInt64>) async throws -> [UInt8] {
        let range = range.clamped(to: 0..<size)
        guard let decoded else { return try await reader.read(offset: range.lowerBound, length: range.count) }
        return try await decoded.read(range)
    }

    /// Ends the mount.
    /// - Parameter force: also while it is in use; its readers get an error.
    /// - Throws: ``ImageMountError/busy(_:)`` without `force`, ``ImageMountError/unmountFailed(cause:)``.
    package func unmount(force: Bool = false) throws(ImageMountError) {
        do {
            try mount.unmount(force: force)
        } catch {
            throw ImageMountError(error)
        }
    }

    /// Ends a mount of ours that another process serves, or that a dead one left behind.
    /// - Throws: ``ImageMountError/notMounted(_:)``, ``ImageMountError/busy(_:)``, ``ImageMountError/unmountFailed(cause:)``.
    package static func unmount(at directory: String) throws(ImageMountError) {
        // Where the path or the table cannot be read there is no mount of ours to be seen.
        guard let entry = try? MountTable.entry(at: StaleMounts.resolved(directory)),
            entry.fileSystem == StaleMounts.fileSystem
        else { throw .notMounted(directory) }
        let resolved = entry.mountPoint
        if StaleMounts.isStale(resolved) { return try StaleMounts.clear(at: resolved) }
        do {
            try Mountpoint(resolved).unmount()
        } catch {
            throw ImageMountError(error)
        }
    }

    /// Drops what is held of the image in memory: for when nobody reads it. Readers find everything again, a little later.
    package func forgetHeld() {
        reader.blocksAhead.forget()
        decoded?.forget()
    }

    /// Whether the mount has ended, whatever ended it.
    package var isUnmounted: Bool { mount.isEnded }

    /// Returns when the mount has ended, by ``unmount(force:)``, `umount` or a broken connection.
    ///
    /// After an unforced ``unmount(force:)`` this takes milliseconds, unless the mount also lives in another mount namespace.
    package func waitUntilUnmounted() async {
        await mount.waitUntilUnmounted()
    }

    /// The resolved path of a folder that may be mounted over.
    private static func mountPoint(_ directory: String) throws(ImageMountError) -> String {
        do {
            try StaleMounts.clear(at: directory)
            let resolved = try StaleMounts.resolved(directory)
            if try MountTable.entry(at: resolved)?.fileSystem == StaleMounts.fileSystem {
                throw ImageMountError.busy(resolved)
            }
            if try !Folder(path: resolved).names().isEmpty { throw ImageMountError.notEmpty(resolved) }
            // fusermount3 says so on standard error only.
            if !CurrentUser.isRoot, !Paths.allows(.writing, resolved) { throw ImageMountError.notWritable(resolved) }
            return resolved
        } catch let error as ImageMountError {
            throw error
        } catch let error as SystemCallError {
            throw .notADirectory(directory, error)
        } catch {
            throw .notADirectory(directory, nil)
        }
    }
}

/// How an image is mounted.
package struct MountOptions: Sendable {
    /// Who may read it.
    package typealias Readers = FUSEMount.Readers

    package var readers: Readers
    /// How long reads wait.
    package var read: ReadOptions
    /// The file's time, in seconds since 1970.
    package var modified: Int

    package init(readers: Readers = .ownUser, read: ReadOptions = ReadOptions(), modified: Int = 0) {
        self.readers = readers
        self.read = read
        self.modified = modified
    }
}
