import Linux

/// What can go wrong between a chosen version and a running guest, beyond what the stages themselves report.
package enum BootError: Error, Sendable {
    /// A file or folder of ours.
    case file(SystemCallError)
    /// The runtime folder is not this user's alone.
    case unsafeRuntimeFolder(String)
    /// The runtime folder cannot be made or used.
    case runtimeFolder(SystemCallError)
    /// The sockets of a session below this runtime folder would have longer paths than the kernel takes.
    case longRuntimeFolder(String)
    /// What the user typed is not `[CATALOG/]DISTRO[@VERSION]`.
    case invalidVersionName(String)
    /// A configuration file says something that cannot be. `key` is the dotted path of the setting.
    case configuration(file: String, key: String, reason: String)
    /// No running session has this id.
    case noSuchSession(String, near: [String])
    /// The session does not answer on its control socket. The number is its process's, where that is known.
    case sessionSilent(String, pid: Int32?)
    /// The session cannot do that now.
    case refused(session: String, reason: String)
    /// A program that is needed is not installed.
    case missingProgram(String, package: String)
    /// The state folder's layout is one that this program does not know.
    case newerState(folder: String, format: String)
}

/// Why a session ended before its guest ran, as its process reported it.
package struct SessionFailure: Error, Sendable, Codable, Hashable {
    /// sysexits code for the program that asked.
    package let exitCode: Int32
    /// What failed, why, and what to do.
    package let message: String

    package init(exitCode: Int32, message: String) {
        self.exitCode = exitCode
        self.message = message
    }
}
