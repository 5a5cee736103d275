import Boot
import GuestNetwork
import SFTP

/// The messages for published ports and for copies.
extension ErrorReport {
    static func describe(_ error: PortError) -> (Int32, String) {
        switch error {
        case .malformed, .twice, .tooMany: (ExitStatus.usage, "\(error)")
        case .taken: (ExitStatus.tryAgain, "\(error)")
        case .privileged: (ExitStatus.notPermitted, "\(error)")
        case .notThisHost, .noEntrance: (ExitStatus.unavailable, "\(error)")
        case .notPublished: (ExitStatus.notFound, "\(error)")
        case .system(let cause): describe(cause)
        }
    }

    static func describePublishing(_ error: BootError) -> (Int32, String) {
        guard case .publishesUnverified(let boot) = error else {
            return (
                ExitStatus.usage,
                "this system's network is set to none, and a published port lets others in: say '--network none' in the same line to "
                    + "publish it all the same, or another network"
            )
        }
        let key = "\(boot.catalog)/\(boot.distribution)@\(boot.version)"
        return (
            ExitStatus.notPermitted,
            "\(boot.fact), and until it is verified its ports are not published: 'oscircular fetch \(key)' fetches and verifies all of "
                + "it; '--unverified' publishes them before"
        )
    }

    static func describe(_ error: SFTPError) -> (Int32, String) {
        switch error {
        case .refused(_, .noSuchFile): (ExitStatus.notFound, "\(error)")
        case .refused(_, .permissionDenied): (ExitStatus.notPermitted, "\(error)")
        case .refused: (ExitStatus.other, "\(error)")
        case .malformed: (ExitStatus.malformed, "\(error)")
        case .noServer, .noLogin, .ended, .silent: (ExitStatus.unavailable, "\(error)")
        case .interrupted: (130, "interrupted")
        case .system(let cause): describe(cause)
        }
    }

    static func describe(_ error: CopyError) -> (Int32, String) {
        switch error {
        case .exists: (ExitStatus.cannotWrite, "\(error)")
        case .refusedName, .isFolder, .isNoFolder, .isLink, .isSpecial, .needsName: (ExitStatus.usage, "\(error)")
        case .noRoom: (ExitStatus.cannotWrite, "\(error)")
        case .tooMany, .tooDeep, .changed: (ExitStatus.malformed, "\(error)")
        case .notFound: (ExitStatus.notFound, "\(error)")
        case .incomplete: (ExitStatus.other, "\(error)")
        case .local(let cause): describe(cause)
        case .remote(let cause): describe(cause)
        }
    }
}
