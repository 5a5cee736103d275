import Linux

/// Why the guest's network or the way to the host could not be set up. The case says what the user can do.
package enum GuestNetworkError: Error, Sendable {
    /// Install the Debian package.
    case missingProgram(String, package: String)
    /// A unix socket's path is limited to ``UnixListener/longestPath`` bytes: choose a shorter runtime folder.
    case pathTooLong(String)
    /// It is a link, not a folder, or another user's.
    case unsafeDirectory(String)
    /// What the sandbox must keep to itself cannot be shared: `/`, `/etc`, `/usr`, `/proc` …
    case cannotShare(String)
    /// bubblewrap or sshd did not work in a trial run; `output` is the end of what they wrote.
    case sandboxUnavailable(ChildProcess.Ending, output: String)
    /// ssh-keygen failed; `output` is the end of what it wrote.
    case keyGeneration(ChildProcess.Ending, output: String)
    /// Run by root, and there is no other user for the guest's logins.
    case noUnprivilegedUser
    /// systemd's manager did not bound a process; `output` is what `busctl` wrote.
    case scope(ChildProcess.Ending, output: String)
    /// The kernel gives this user no keyring more, without which the guest's logins would have the user's.
    case noKeyring(SystemCallError)
    /// The disk has no room for what a login may store; it is served when there is some.
    case held
    /// The network's process ended before it served; the text is how, and what it said.
    case processFailed(String)
    case system(SystemCallError)

    /// Sorts a system call's failure.
    init(_ cause: SystemCallError) {
        self = cause.number == .nameTooLong ? .pathTooLong(cause.subject) : .system(cause)
    }
}

extension GuestNetworkError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingProgram(let name, let package): "\(name) is not installed (Debian package \(package))"
        case .pathTooLong(let path): "the socket's path has more than \(UnixListener.longestPath) bytes: \(path)"
        case .unsafeDirectory(let path): "\(path) is not a folder of the session's user"
        case .cannotShare(let path): "\(path) cannot be shared with the guest"
        case .sandboxUnavailable(let ending, let output): "the ssh server's sandbox failed (\(ending)): \(output)"
        case .keyGeneration(let ending, let output): "ssh-keygen failed (\(ending)): \(output)"
        case .noUnprivilegedUser: "there is neither a user oscircular nor nobody to run the ssh server as"
        case .scope(let ending, let output): "systemd made no scope for the session (busctl: \(ending)): \(output)"
        case .noKeyring(let cause):
            "there is no keyring for the guest's logins: \(cause)"
        case .held:
            "the disk that holds the exchange folder has no room for what a login may store: remove what you do not need there"
        case .processFailed(let words): "the guest's network could not be started: \(words)"
        case .system(let cause): "\(cause)"
        }
    }
}
