import Linux
import Vendors

/// What can go wrong between a chosen version and a running guest, besides the errors of the stages themselves.
package enum BootError: Error, Sendable {
    /// A file or folder of ours.
    case file(SystemCallError)
    /// Somebody other than this user can write to the runtime folder.
    case unsafeRuntimeFolder(String)
    /// The runtime folder cannot be created or used.
    case runtimeFolder(SystemCallError)
    /// The sockets of a session below this runtime folder would have paths longer than the kernel allows.
    case longRuntimeFolder(String)
    /// What the user typed is not `[CATALOG/]DISTRO[@VERSION]`.
    case invalidVersionName(String)
    /// A setting in a configuration file is invalid. `key` is its dotted path.
    case configuration(file: String, key: String, reason: String)
    /// No running session has this id.
    case noSuchSession(String, near: [String])
    /// The session does not answer on its control socket. `pid` is its process, if that is known.
    case sessionSilent(String, pid: Int32?)
    /// The session cannot do that now.
    case refused(session: String, reason: String)
    /// A program that is needed is not installed.
    case missingProgram(String, package: String)
    /// The version is less sure than the settings ask for.
    case unverified(UnverifiedBoot, isByDefault: Bool)
    /// A catalog's table of vendors would change the system: the user is to say whether it may.
    case tableChange(TableChange)
    /// A vendor's file must be downloaded whole, or unpacked, before it is of use.
    case packed(PackedFile)
    /// The layout of the state folder is not one that this program knows.
    case newerState(folder: String, format: String)
    /// What the user typed is not a ``KeptName``.
    case invalidKeptName(String)
    /// Ports of a version would be published that nobody has verified yet.
    case publishesUnverified(UnverifiedBoot)
    /// Ports were asked for, and the settings let nobody in or out.
    case isolatedPorts
}

/// A vendor's file that cannot be read before all of it is here.
package struct PackedFile: Sendable, Equatable {
    package let system: String
    /// What it is packed with, such as `gz`; nil for another reason.
    package let packing: String?
    /// Where it is, or its vendor's page; empty where nobody said.
    package let url: String

    package init(system: String, packing: String?, url: String) {
        (self.system, self.packing, self.url) = (system, packing, url)
    }
}

/// Why a session failed, as its process reported it.
package struct SessionFailure: Error, Sendable, Codable, Hashable {
    /// The exit code (sysexits.h) for the program that started the session.
    package let exitCode: Int32
    /// What failed, why, and what to do.
    package let message: String

    package init(exitCode: Int32, message: String) {
        self.exitCode = exitCode
        self.message = message
    }
}
