import Glibc

/// An `errno` by its meaning, so that what handles errors needs no C library's names: `catch where error.number == .noSuchFile`.
package struct ErrorNumber: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    private init(_ rawValue: Int32) { self.rawValue = rawValue }

    // MARK: Names

    /// ENOENT
    package static let noSuchFile = ErrorNumber(ENOENT)
    /// EEXIST
    package static let fileExists = ErrorNumber(EEXIST)
    /// ENOTDIR: a folder was expected, also in the middle of a path.
    package static let notAFolder = ErrorNumber(ENOTDIR)
    /// EISDIR
    package static let isAFolder = ErrorNumber(EISDIR)
    /// ENOTEMPTY
    package static let folderNotEmpty = ErrorNumber(ENOTEMPTY)
    /// ELOOP: too many links, or a link where none is followed.
    package static let isALink = ErrorNumber(ELOOP)
    /// ENAMETOOLONG
    package static let nameTooLong = ErrorNumber(ENAMETOOLONG)
    /// EXDEV: the two names are on different file systems.
    package static let otherFileSystem = ErrorNumber(EXDEV)

    // MARK: Rights

    /// EACCES
    package static let accessDenied = ErrorNumber(EACCES)
    /// EPERM
    package static let notPermitted = ErrorNumber(EPERM)
    /// EROFS
    package static let readOnlyFileSystem = ErrorNumber(EROFS)

    /// ENOSYS: the kernel does not have this call.
    package static let noSuchCall = ErrorNumber(ENOSYS)
    /// EAFNOSUPPORT: there are no sockets of this kind.
    package static let noSuchAddressFamily = ErrorNumber(EAFNOSUPPORT)

    /// ENODATA: nothing is noted under this name.
    package static let noNote = ErrorNumber(ENODATA)

    // MARK: Room

    /// ENOSPC
    package static let noSpace = ErrorNumber(ENOSPC)
    /// EDQUOT
    package static let quotaExceeded = ErrorNumber(EDQUOT)
    /// EFBIG: the file would become, or is, larger than allowed.
    package static let fileTooLarge = ErrorNumber(EFBIG)
    /// ENOMEM
    package static let outOfMemory = ErrorNumber(ENOMEM)
    /// ENOBUFS: the kernel has no memory for what a socket sends.
    package static let noBuffers = ErrorNumber(ENOBUFS)
    /// EMFILE: this process has no descriptor left.
    package static let tooManyOpenFiles = ErrorNumber(EMFILE)
    /// ENFILE: the machine has no descriptor left.
    package static let tooManyOpenFilesOfAll = ErrorNumber(ENFILE)

    // MARK: Waiting

    /// EAGAIN, which is EWOULDBLOCK: not now.
    package static let wouldBlock = ErrorNumber(EAGAIN)
    /// EINTR
    package static let interrupted = ErrorNumber(EINTR)
    /// EBUSY
    package static let busy = ErrorNumber(EBUSY)
    /// ETIMEDOUT
    package static let timedOut = ErrorNumber(ETIMEDOUT)

    // MARK: Devices, processes and connections

    /// EIO
    package static let inputOutput = ErrorNumber(EIO)
    /// ENXIO
    package static let noSuchDevice = ErrorNumber(ENXIO)
    /// EOPNOTSUPP: the file system cannot do it.
    package static let notSupported = ErrorNumber(EOPNOTSUPP)
    /// ENOTTY: what is open does not know this request.
    package static let noSuchRequest = ErrorNumber(ENOTTY)
    /// EINVAL
    package static let invalidArgument = ErrorNumber(EINVAL)
    /// ERANGE: it does not fit in what was offered.
    package static let outOfRange = ErrorNumber(ERANGE)
    /// EBADF
    package static let badDescriptor = ErrorNumber(EBADF)
    /// ESRCH
    package static let noSuchProcess = ErrorNumber(ESRCH)
    /// EPIPE: nobody reads any more.
    package static let brokenPipe = ErrorNumber(EPIPE)
    /// ECONNREFUSED
    package static let connectionRefused = ErrorNumber(ECONNREFUSED)
    /// ECONNABORTED
    package static let connectionAborted = ErrorNumber(ECONNABORTED)
    /// ENOTCONN
    package static let notConnected = ErrorNumber(ENOTCONN)
    /// EADDRINUSE
    package static let addressInUse = ErrorNumber(EADDRINUSE)
    /// EADDRNOTAVAIL: the address is not this host's.
    package static let addressNotAvailable = ErrorNumber(EADDRNOTAVAIL)
    /// EMSGSIZE
    package static let messageTooLong = ErrorNumber(EMSGSIZE)
    /// EBADMSG: what was read is not what it should be.
    package static let badMessage = ErrorNumber(EBADMSG)
}

extension SystemCallError {
    /// An error that this program finds itself, such as a file that is too large.
    package init(_ number: ErrorNumber, call: String, subject: String = "") {
        self.init(code: number.rawValue, call: call, subject: subject)
    }

    /// ``code`` by its meaning.
    package var number: ErrorNumber { ErrorNumber(rawValue: code) }

    /// Nothing has this name: ENOENT, or ENOTDIR where a part of the path is not a folder.
    package var isAbsent: Bool { number == .noSuchFile || number == .notAFolder }

    /// The kernel has no memory for the moment: the same call may succeed later.
    package var isMemoryShortage: Bool { number == .outOfMemory || number == .noBuffers }

    /// There is no room: the disk, the quota or the largest size of a file is used up.
    package var isOutOfSpace: Bool { [.noSpace, .quotaExceeded, .fileTooLarge].contains(number) }
}
