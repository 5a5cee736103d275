import Linux

/// Why a FUSE file could not be mounted or unmounted.
package enum SessionError: Error, Sendable, Equatable {
    /// /dev/fuse is missing, or this process may not open it.
    case noDevice(SystemCallError)
    /// libfuse refused; `message` is its own last word.
    case mountFailed(path: String, message: String)
    /// Somebody has the file open or stands in the folder.
    case busy(path: String)
    /// The call that unmounts failed for another reason.
    case unmountFailed(SystemCallError)
}

extension SessionError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noDevice(let cause): "FUSE is not available: \(cause)"
        case .mountFailed(let path, let message): "mounting at \(path): \(message)"
        case .busy(let path): "\(path) is in use"
        case .unmountFailed(let cause): "unmounting: \(cause)"
        }
    }
}
