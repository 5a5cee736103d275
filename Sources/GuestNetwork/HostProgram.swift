import Glibc
import Linux

/// A program of the host that the gateway starts. Looked for in the system's folders only: root must not run what somebody
/// put into PATH, and the sandbox holds nothing else.
enum HostProgram: String, CaseIterable {
    case sshd
    case sshKeygen = "ssh-keygen"
    case bwrap
    case setpriv
    case prlimit

    /// The Debian package that brings it.
    var package: String {
        switch self {
        case .sshd: "openssh-server"
        case .sshKeygen: "openssh-client"
        case .bwrap: "bubblewrap"
        case .setpriv, .prlimit: "util-linux"
        }
    }

    static let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The absolute path.
    /// - Throws: ``GuestNetworkError/missingProgram(_:package:)``.
    func path(in folders: [String] = HostProgram.folders) throws(GuestNetworkError) -> String {
        for folder in folders where access("\(folder)/\(rawValue)", X_OK) == 0 { return "\(folder)/\(rawValue)" }
        throw .missingProgram(rawValue, package: package)
    }

    /// Runs a program to its end. Blocks.
    /// - Returns: how it ended and the last 2,000 bytes of what it wrote to standard output and error.
    /// - Throws: ``GuestNetworkError/system(_:)`` when it could not be started.
    static func run(_ program: String, _ arguments: [String]) throws(GuestNetworkError) -> (ChildProcess.Ending, String)
    {
        do throws(SystemCallError) {
            let (reading, child) = try start(program, arguments)
            var output: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = Glibc.read(reading.descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { break }
                output = (output + buffer[..<count]).suffix(2000)
            }
            return (child.wait(), String(decoding: output, as: UTF8.self))
        } catch {
            throw .system(error)
        }
    }

    /// Our copy of the writing end closes on return, so that reading ends with the child.
    private static func start(
        _ program: String, _ arguments: [String]
    ) throws(SystemCallError) -> (FileHandle, ChildProcess) {
        let pipe = try Pipe()
        let child = try ChildProcess(
            program: program, arguments: arguments,
            descriptors: [nil, pipe.writing.descriptor, pipe.writing.descriptor])
        return (pipe.reading, child)
    }
}
