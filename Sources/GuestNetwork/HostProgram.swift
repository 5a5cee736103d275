import Linux

/// A program of the host that the gateway or ``FileSystemTool`` starts. Looked for in the system's folders only: root must not run what somebody
/// put into PATH, and the sandbox holds nothing else.
enum HostProgram: String, CaseIterable {
    case sshd
    case sshKeygen = "ssh-keygen"
    case bwrap
    case setpriv
    case prlimit
    case makeFileSystem = "mkfs.ext4"
    case checkFileSystem = "e2fsck"
    case resizeFileSystem = "resize2fs"
    case tuneFileSystem = "tune2fs"

    /// The Debian package that brings it.
    var package: String {
        switch self {
        case .sshd: "openssh-server"
        case .sshKeygen: "openssh-client"
        case .bwrap: "bubblewrap"
        case .setpriv, .prlimit: "util-linux"
        case .makeFileSystem, .checkFileSystem, .resizeFileSystem, .tuneFileSystem: "e2fsprogs"
        }
    }

    static let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The absolute path.
    /// - Throws: ``GuestNetworkError/missingProgram(_:package:)``.
    func path(in folders: [String] = HostProgram.folders) throws(GuestNetworkError) -> String {
        for folder in folders where Paths.allows(.executing, "\(folder)/\(rawValue)") { return "\(folder)/\(rawValue)" }
        throw .missingProgram(rawValue, package: package)
    }

    /// Runs a program to its end; holds the calling thread.
    /// - Returns: how it ended and the last 2,000 bytes each of what it wrote to standard output and to standard error.
    /// - Throws: ``GuestNetworkError/system(_:)`` when it could not be started.
    static func run(_ program: String, _ arguments: [String]) throws(GuestNetworkError) -> (ChildProcess.Ending, String)
    {
        do throws(SystemCallError) {
            let finished = try ChildProcess.run(program, arguments, keeping: 2000)
            return (finished.ending, String(decoding: finished.output + finished.errors, as: UTF8.self))
        } catch {
            throw .system(error)
        }
    }
}
