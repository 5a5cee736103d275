import DiskImage
import FUSE
import Linux

/// Why an image could not be mounted or unmounted.
package enum ImageMountError: Error, Sendable, Equatable {
    /// /dev/fuse is missing or this process may not open it: load the module, or get the permission.
    case noFUSEDevice(SystemCallError)
    /// The mount point is not a folder, or cannot be reached.
    case notADirectory(String, SystemCallError?)
    /// The folder holds something that the mount would hide.
    case notEmpty(String)
    /// The kernel lets a user mount only where the user may write.
    case notWritable(String)
    /// A plain user may not show a mount to others.
    case notForOthers
    /// An image is mounted there, or, when unmounting, somebody uses it.
    case busy(String)
    /// No image of ours is mounted there.
    case notMounted(String)
    /// The image's name cannot be a file name.
    case unusableName(String)
    /// libfuse or the kernel refused.
    case mountFailed(cause: MountError)
    /// The call that unmounts failed.
    case unmountFailed(cause: MountError)
    /// The image is no disk of the format that it should have, or one that is not read here.
    case unusableDisk(DiskImageError)
    /// The parts of the image that say where the disk's bytes lie did not come.
    case unreadableDisk(ImageReadError)

    init(_ error: MountError) {
        self =
            switch error {
            case .noDevice(let cause): .noFUSEDevice(cause)
            case .busy(let path): .busy(path)
            case .mountFailed: .mountFailed(cause: error)
            case .unmountFailed: .unmountFailed(cause: error)
            }
    }
}

extension ImageMountError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noFUSEDevice(let cause): "FUSE is not available: \(cause)"
        case .notADirectory(let path, let cause): cause.map { "\($0)" } ?? "\(path) is not a folder"
        case .notEmpty(let path): "the folder \(path) is not empty"
        case .notWritable(let path): "you may not write to \(path), and can mount only where you may"
        case .notForOthers:
            "you may not show a mount to other users: \(FUSECure.configuration) has no line user_allow_other"
        case .busy(let path): "\(path) is in use"
        case .notMounted(let path): "no image is mounted at \(path)"
        case .unusableName(let name): "“\(name)” cannot be a file name"
        case .mountFailed(let cause), .unmountFailed(let cause): "\(cause)"
        case .unusableDisk(let cause): "\(cause)"
        case .unreadableDisk(let cause): "the beginning of the disk image could not be read: \(cause)"
        }
    }
}
