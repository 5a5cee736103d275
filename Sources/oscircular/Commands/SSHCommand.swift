import ArgumentParser
import Boot
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
                "-o", "PasswordAuthentication=no", "-l", directory.loginUser, "guest",
            ] + command
        let process: ChildProcess
        do {
            process = try ChildProcess(
                "ssh", arguments, environment: nil, standardInput: StandardDescriptor.input,
                standardOutput: StandardDescriptor.output, standardError: StandardDescriptor.error)
        } catch {
            guard error.number == .noSuchFile else { throw error }
            throw BootError.missingProgram("ssh", package: "openssh-client")
        }
        Interruption.handle { [process] signal in
            // A terminal's Ctrl-C reaches ssh by itself.
            if signal != .interrupt { process.send(signal) }
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
            Relay.copy(from: StandardDescriptor.input, to: connection.descriptor)
            connection.endSending()
        }
        try await WorkerThread.run(name: "to ssh") {
            Relay.copy(from: connection.descriptor, to: StandardDescriptor.output)
        }
    }
}

/// Bytes from one descriptor to another until the end.
enum Relay {
    static func copy(from source: Int32, to target: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            // Where one of both is gone the connection ends.
            while case .bytes(let count) = try? FileHandle.receive(from: source, into: buffer) {
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // As above.
                guard (try? DescriptorWriting.writeAll(bytes, to: target)) != nil else { return }
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
