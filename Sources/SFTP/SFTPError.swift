import Linux

/// Why the guest's sftp server did not do what it was asked.
package enum SFTPError: Error, Sendable, Equatable {
    /// The server's answer to one request (draft-ietf-secsh-filexfer-02, section 7); `what` is what it was asked.
    package enum Answer: UInt32, Sendable {
        case endOfFile = 1
        case noSuchFile = 2
        case permissionDenied = 3
        case failure = 4
        case badMessage = 5
        case noConnection = 6
        case connectionLost = 7
        case notSupported = 8
    }

    case refused(what: String, Answer)
    /// What it said is not written as it should be, or more than it may say.
    case malformed(String)
    /// The guest has an ssh server, and no sftp server behind it.
    case noServer
    /// Nobody could log in to the guest; the text is ssh's own.
    case noLogin(String)
    /// The connection ended in the middle.
    case ended
    /// Nothing was heard for so many seconds.
    case silent(Int)
    /// The user has had enough.
    case interrupted
    case system(SystemCallError)
}

extension SFTPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused(let what, let answer):
            switch answer {
            case .noSuchFile: "\(what): there is no such file or folder in the guest"
            case .permissionDenied: "\(what): the guest does not allow that"
            case .notSupported: "\(what): the guest's sftp server cannot do that"
            default: "\(what): the guest's sftp server could not do that"
            }
        case .malformed(let reason): "the guest's sftp server does not keep to its protocol: \(reason)"
        case .noServer:
            "the guest has no sftp server: install one there (openssh-sftp-server in Debian), or copy a single file with "
                + "'oscircular ssh ID \"cat FILE\" > FILE'"
        case .noLogin(let text):
            "nobody can log in to the guest: it needs an ssh server that takes the session's key, and may still be starting"
                + (text.isEmpty ? "" : " (\(text))")
        case .ended: "the connection to the guest ended"
        case .silent(let seconds): "the guest's sftp server did not answer for \(seconds) seconds"
        case .interrupted: "interrupted"
        case .system(let cause): "\(cause)"
        }
    }
}
