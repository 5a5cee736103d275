import ArgumentParser
import Boot
import Glibc
import Linux

/// `oscircular ssh ID [COMMAND]`: into the guest, through the session's socket with the session's key.
struct SSHCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ssh", abstract: "Log in to a guest, or run a command there. Passes on ssh's exit code.")

    @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.") var command: [String] = []

    func run() async throws {
        let directory = try CommandContext.load().registry.directory(of: id)
        let proxy = "\(ShellQuote.quote(CommandContext.program)) ssh-proxy \(ShellQuote.quote(directory.sshToGuest))"
        let arguments =
            [
                "-F", "/dev/null", "-o", "ProxyCommand=\(proxy)", "-o", "IdentitiesOnly=yes",
                "-o", "IdentityAgent=none", "-i", directory.keyIntoGuest, "-o", "StrictHostKeyChecking=no",
                // The socket's other end is this guest by construction, so there is no host key to compare.
                "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "-o", "PasswordAuthentication=no", "root@guest",
            ] + command
        let process: ChildProcess
        do {
            process = try ChildProcess(
                program: "ssh", arguments: arguments, environment: nil,
                descriptors: [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO])
        } catch {
            guard error.code == ENOENT else { throw error }
            throw BootError.missingProgram("ssh", package: "openssh-client")
        }
        Interruption.handle { [process] number in
            // A terminal's Ctrl-C reaches ssh by itself.
            if number != SIGINT { process.signal(number) }
        }
        let code = try await WorkerThread.run(name: "ssh") { process.wait().shellStatus }
        throw ExitCode(code)
    }
}

/// `oscircular ssh-proxy SOCKET`: ssh's ProxyCommand; relays standard input and output to a unix socket.
struct SSHProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ssh-proxy", shouldDisplay: false)

    @Argument var socket: String

    func run() async throws {
        let connection = try UnixListener.connect(to: socket)
        try WorkerThread.start(name: "from ssh") {
            Relay.copy(from: STDIN_FILENO, to: connection.descriptor)
            shutdown(connection.descriptor, Int32(SHUT_WR))
        }
        try await WorkerThread.run(name: "to ssh") { Relay.copy(from: connection.descriptor, to: STDOUT_FILENO) }
    }
}

/// Bytes from one descriptor to another until the end.
enum Relay {
    static func copy(from source: Int32, to target: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            while true {
                let count = read(source, buffer.baseAddress, buffer.count)
                if count == -1 && errno == EINTR { continue }
                if count <= 0 { return }
                do throws(SystemCallError) {
                    try DescriptorWriting.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: target)
                } catch {
                    // The reader has gone, so the connection ends.
                    return
                }
            }
        }
    }
}

/// Quotes text as one word of a POSIX shell.
enum ShellQuote {
    static func quote(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
