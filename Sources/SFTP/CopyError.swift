import Linux

/// Why something was not copied.
package enum CopyError: Error, Sendable, Equatable {
    /// Something has the name already, and may not be overwritten.
    case exists(String)
    case notFound(String)
    /// A folder is copied only with what is in it, if that is asked for.
    case isFolder(String)
    /// A folder was expected.
    case isNoFolder(String)
    case isLink(String)
    /// Neither file nor folder.
    case isSpecial(String)
    case refusedName(String, reason: String)
    /// The source has no name that the copy could have.
    case needsName(String)
    /// The disk has no room for it.
    case noRoom(String, needed: UInt64?)
    case tooMany(String, limit: Int)
    case tooDeep(String, limit: Int)
    /// It became shorter while it was read.
    case changed(String)
    /// So many were left out, so many were copied.
    case incomplete(leftOut: Int, copied: Int)
    case local(SystemCallError)
    case remote(SFTPError)
}

extension CopyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exists(let path):
            "\(path) is there already: '--force' overwrites files, and a folder is never replaced by a file"
        case .notFound(let path): "there is no \(path)"
        case .isFolder(let path): "\(path) is a folder: '--recursive' copies it with all that is in it"
        case .isNoFolder(let path): "\(path) is not a folder: make it first, or leave out the '/' at the end"
        case .isLink(let path): "\(path) is a link, and no link of a guest is followed: name the file that it leads to"
        case .isSpecial(let path): "\(path) is neither a file nor a folder, and is not copied"
        case .refusedName(let path, let reason): "\(path) is not copied: \(reason)"
        case .needsName(let path): "'\(path)' has no name of its own for the copy: write the copy's whole path"
        case .noRoom(let path, let needed):
            "the disk has no room for \(path)" + (needed.map { " (\($0) bytes)" } ?? "")
                + ": what had come of it was removed; free some space, and copy it again"
        case .tooMany(let path, let limit): "\(path) has more than \(limit) names: nothing more of it is copied"
        case .tooDeep(let path, let limit): "\(path) lies more than \(limit) folders deep: nothing below it is copied"
        case .changed(let path):
            "\(path) became shorter while it was copied: what had come of it was removed; copy it again"
        case .incomplete(let leftOut, let copied):
            "\(leftOut) of \(leftOut + copied) files and folders were not copied: see above"
        case .local(let cause): "\(cause)"
        case .remote(let cause): "\(cause)"
        }
    }
}

/// How something is copied.
package struct CopyOptions: Sendable {
    /// Folders with all that is in them.
    package var isRecursive = false
    /// Files that have the copy's name give way.
    package var overwrites = false

    package init(isRecursive: Bool = false, overwrites: Bool = false) {
        (self.isRecursive, self.overwrites) = (isRecursive, overwrites)
    }
}

/// What happens while something is copied.
package enum CopyEvent: Sendable, Equatable {
    /// Bytes that have been copied, and that are known to be copied altogether: more with each file that is found.
    case progress(done: UInt64, total: UInt64)
    /// Left out, and why; the rest goes on.
    case leftOut(String, reason: String)
    /// Copied, and something about it.
    case note(String)
}

/// What no copy goes beyond, whatever the other side says.
enum CopyBounds {
    /// Folders in folders.
    static let depth = 64
    /// Names in one folder, and in all of them.
    static let names = (folder: 100_000, all: 1_000_000)
    /// Bytes of one request.
    static let piece = 32 << 10
    /// Requests that are under way.
    static let pieces = 24
}
