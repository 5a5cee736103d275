import ArgumentParser
import BlockStore
import Boot
import Catalog
import Curl
import Curses
import DiskImage
import FUSE
import Formats
import GuestDomain
import GuestNetwork
import ImageIndex
import ImageMount
import Linux
import SFTP
import Vendors

/// The one place where an error becomes a message and an exit code: what failed, why, what to do.
struct ErrorReport {
    /// Exit codes as in sysexits.h; the man page lists them.
    enum ExitStatus {
        static let other: Int32 = 1
        static let usage: Int32 = 64
        static let malformed: Int32 = 65
        static let notFound: Int32 = 66
        static let unavailable: Int32 = 69
        static let cannotWrite: Int32 = 73
        static let tryAgain: Int32 = 75
        static let notPermitted: Int32 = 77
        static let configuration: Int32 = 78
    }

    let exitCode: Int32
    /// Without the program's name and without control characters.
    let message: String

    init(_ error: any Error) {
        let (code, text) = ErrorReport.describe(error)
        exitCode = code
        message = Terminal.clean(text)
    }

    /// Ends the process as the error asks: argument-parser's own errors and help, our codes, ssh's.
    static func exit(with error: any Error) -> Never {
        if let code = error as? ExitCode { MainProgram.end(code.rawValue, name: "oscircular") }
        if isFromParser(error) { endOfParsing(error) }
        let report = ErrorReport(error)
        Terminal.note("oscircular: \(report.message)")
        MainProgram.end(report.exitCode, name: "oscircular")
    }

    // The parser itself would print through the C library, which loses write errors.
    private static func endOfParsing(_ error: any Error) -> Never {
        let code = RootCommand.exitCode(for: error).rawValue
        let text = RootCommand.fullMessage(for: error)
        if !text.isEmpty { code == 0 ? Terminal.print(text) : Terminal.note(text) }
        MainProgram.end(code, name: "oscircular")
    }

    private static func isFromParser(_ error: any Error) -> Bool {
        // Whatever is not ours comes from the parser: it knows its own help, version and usage errors.
        error is ValidationError || error is CleanExit || RootCommand.exitCode(for: error) != .failure
    }

    static func describe(_ error: any Error) -> (Int32, String) {
        switch error {
        case let error as SessionFailure: (error.exitCode, error.message)
        case let error as UsageError: (ExitStatus.usage, error.message)
        case let error as CatalogAccessError: describe(error)
        case let error as CatalogError: (ExitStatus.malformed, "\(error)")
        case let error as BootError: describe(error)
        case let error as MachineError: describe(error)
        case let error as HomeError: describe(error)
        case let error as ShareError: describe(error)
        case let error as BisectError: describe(error)
        case let error as SuspendError: describe(error)
        case let error as WarmError: describe(error)
        case let error as PublishedStateError: describe(error)
        case let error as NotFoundError: describe(error)
        case let error as VersionFetchError: describe(error)
        case let error as VendorsError: describe(error)
        case let error as PieceLedgerError: describe(error)
        case let error as ImageIndexError: describe(error)
        case let error as ImageMountError: describe(error)
        case let error as ImageReadError: describe(error)
        case let error as DiskImageError: (ExitStatus.malformed, "\(error)")
        case let error as BlockStoreError: describe(error)
        case let error as TransferError: describe(error)
        case let error as GuestDomainError: describe(error)
        case let error as GuestNetworkError: describe(error)
        case let error as PortError: describe(error)
        case let error as SFTPError: describe(error)
        case let error as CopyError: describe(error)
        case let error as SystemCallError: describe(error)
        case let error as ScreenError: describe(error)
        case is CancellationError: (130, "interrupted")
        default: (ExitStatus.other, words(of: error))
        }
    }

    private static func describe(_ error: BootError) -> (Int32, String) {
        switch error {
        case .file(let error): describe(error)
        case .unsafeRuntimeFolder(let path):
            (
                ExitStatus.notPermitted,
                "\(path) is not a folder that only you can write to: remove it, or set XDG_RUNTIME_DIR to one that is"
            )
        case .runtimeFolder(let cause):
            (
                // The setting is wrong, not what the user asked for.
                describe(cause).0 == ExitStatus.notFound ? ExitStatus.configuration : describe(cause).0,
                "there is no folder for running guests: \(describe(cause).1). Set XDG_RUNTIME_DIR to a folder of yours, or unset it"
            )
        case .longRuntimeFolder(let path):
            (
                ExitStatus.configuration,
                "sockets in \(path) would have paths longer than the \(UnixListener.longestPath) bytes that the kernel allows: "
                    + "set XDG_RUNTIME_DIR to a shorter path"
            )
        case .invalidVersionName(let name):
            (ExitStatus.usage, "'\(name)' is not a version name; expected [CATALOG/]DISTRO[@VERSION]")
        case .configuration(let file, let key, let reason):
            (ExitStatus.configuration, "\(file): \(key.isEmpty ? "" : "\(key) ")\(reason)")
        case .noSuchSession(let id, let ids):
            (
                ExitStatus.notFound,
                "no session '\(id)' is running" + (ids.isEmpty ? "" : "; running: \(ids.joined(separator: ", "))")
            )
        case .sessionSilent(let id, let pid):
            (
                ExitStatus.tryAgain,
                "session \(id) does not answer\(pid.map { " (its process is \($0))" } ?? ""): try again in a moment, or end "
                    + "it with 'oscircular stop --force \(id)'"
            )
        case .refused(let session, let reason): (ExitStatus.tryAgain, "session \(session): \(reason)")
        case .missingProgram(let program, let package):
            (ExitStatus.unavailable, "\(program) is not installed: install the package \(package)")
        case .unverified(let boot, let isByDefault):
            (
                ExitStatus.notPermitted,
                "\(boot.fact). "
                    + (boot.level == .none
                        ? "'--unverified' boots it all the same"
                        : "'oscircular fetch \(boot.catalog)/\(boot.distribution)@\(boot.version)' fetches and verifies all of it; "
                            + "'--unverified' boots it before")
                    + (isByDefault ? "" : "; your setting vendors.least asks for more (\(boot.least.rawValue))")
            )
        case .tableChange(let change): (ExitStatus.notPermitted, change.keptText)
        case .packed(let file): describe(file)
        case .publishesUnverified, .isolatedPorts: describePublishing(error)
        case .newerState(let folder, let format):
            (
                ExitStatus.configuration,
                "\(folder) was written by a newer oscircular (its format is \(format), this program knows "
                    + "\(StateFormat.current)): use that program, or set XDG_STATE_HOME to another folder"
            )
        case .invalidKeptName(let name):
            (
                ExitStatus.usage,
                "'\(name)' cannot be the name of a home or a machine: use at most \(KeptName.longest) letters (a to z, A to Z), digits, '.', "
                    + "'_' and '-', with a letter or a digit at the beginning"
            )
        }
    }

    private static func describe(_ error: VersionFetchError) -> (Int32, String) {
        switch error {
        case .noBootSet(let key):
            (
                ExitStatus.notFound,
                "nobody has recorded what \(key) needs to start: fetch all of it, or boot it once"
            )
        case .wrong(let key, let reason, let servers):
            (
                ExitStatus.malformed,
                "all of \(key) came, and is not what its vendor says: \(reason). It came from \(servers), and was thrown away: try "
                    + "again, and if it is wrong again, tell the vendor"
            )
        case .unverifiable(let key, let reason):
            (
                ExitStatus.unavailable,
                "all of \(key) is here, but could not be verified: \(reason). What is here stays; run 'oscircular fetch \(key)' again "
                    + "when that is mended"
            )
        case .notUnpacked(let key, let reason):
            (ExitStatus.malformed, "all of \(key) is here, and cannot be unpacked: \(reason). Tell its vendor")
        case .notKept(let bytes):
            (
                ExitStatus.cannotWrite,
                "\(ByteCount.text(bytes)) could not be kept in the cache: it is full, not writable, or in use by another "
                    + "program. Raise cache.limit, free disk space, or look at 'oscircular cache status'"
            )
        }
    }

    private static func describe(_ error: ImageIndexError) -> (Int32, String) {
        if case .file(let cause) = error { return describe(cause) }
        return (ExitStatus.malformed, "the index is unusable: \(error)")
    }

    private static func describe(_ error: ImageMountError) -> (Int32, String) {
        let cure = FUSECure.command(FUSECure.current())
        return switch error {
        case .noFUSEDevice:
            (
                ExitStatus.unavailable,
                "\(error). Do: \(cure.isEmpty ? "try again" : cure)"
            )
        case .notADirectory: (ExitStatus.notFound, "\(error): make the folder first")
        case .notMounted: (ExitStatus.notFound, "\(error)")
        case .notWritable: (ExitStatus.notPermitted, "\(error): use a folder that you can write to")
        case .notForOthers:
            (ExitStatus.notPermitted, "\(error). Have root add that line, or mount without --allow-other")
        case .notEmpty, .busy: (ExitStatus.tryAgain, "\(error)")
        case .unusableName: (ExitStatus.usage, "\(error)")
        case .unusableDisk: (ExitStatus.malformed, "\(error)")
        case .unreadableDisk(let cause): describe(cause)
        case .mountFailed, .unmountFailed:
            // libfuse says only that something was not found.
            (ExitStatus.unavailable, "\(error)" + (cure.isEmpty ? "" : ". Do: \(cure)"))
        }
    }

    private static func describe(_ error: ImageReadError) -> (Int32, String) {
        switch error {
        case .block(_, let cause): describe(cause)
        case .index(let cause): describe(cause)
        case .timedOut, .released, .closed: (ExitStatus.unavailable, "the disk image could not be read: \(error)")
        }
    }

    private static func describe(_ error: BlockStoreError) -> (Int32, String) {
        switch error {
        // A store names the block's own file; a piece is a part of a file that has another name.
        case .missing(let id, let place) where !place.contains("\(id)".prefix(16)):
            (
                ExitStatus.unavailable,
                "\(place) does not exist: its vendor no longer offers this version, and it is not all here. Take a newer one"
            )
        case .missing: (ExitStatus.unavailable, "\(error): the publisher's tree is incomplete; tell the publisher")
        case .corrupt: (ExitStatus.malformed, "\(error): it was changed by the server or on the way")
        case .unreachable(_, let cause):
            (
                ExitStatus.unavailable,
                "\(error)" + cure(of: cause, otherwise: "Check the network, and that the server is up")
            )
        case .closed: (ExitStatus.other, "\(error)")
        }
    }

    /// What to do about a server that gave nothing. One that was not asked says itself what would let it be asked.
    static func cure(of cause: any Error, otherwise: String) -> String {
        if case TransferError.refused = cause { "" } else { ". \(otherwise)" }
    }

    private static func describe(_ error: TransferError) -> (Int32, String) {
        (ExitStatus.unavailable, "\(error)")
    }

    static func describe(_ error: SystemCallError) -> (Int32, String) {
        let code: Int32 =
            switch error.number {
            case .noSpace, .quotaExceeded, .readOnlyFileSystem, .fileTooLarge: ExitStatus.cannotWrite
            case .accessDenied, .notPermitted: ExitStatus.notPermitted
            case .noSuchFile, .notAFolder, .isAFolder: ExitStatus.notFound
            case .busy, .wouldBlock: ExitStatus.tryAgain
            default: ExitStatus.other
            }
        return (code, "\(error)\(cure(of: error))")
    }

    /// What to do, where the kernel's message alone does not tell.
    private static func cure(of error: SystemCallError) -> String {
        switch error.number {
        case .tooManyOpenFiles: ". Raise the limit of open files (ulimit -n), or close other programs"
        case .fileTooLarge: ". Raise the limit of file sizes (ulimit -f)"
        case _ where error.subject == Environment.noHome || error.subject.hasPrefix(Environment.noHome + "/"):
            ". This user has no home: set HOME, or XDG_STATE_HOME and XDG_CACHE_HOME, to a folder that you can write to"
        default: ""
        }
    }
}
