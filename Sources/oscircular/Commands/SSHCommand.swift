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
        let directory = try CommandContext.load().session(id)
        try await SSHCommand.waitForHome(directory)
        let arguments =
            GuestSSH.arguments(to: directory, as: directory.loginUser, program: CommandContext.program) + command
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

    /// Who is at home in the guest can log in when it has the home, a moment after its start.
    static func waitForHome(_ directory: SessionDirectory) async throws {
        var isTold = false
        for _ in 0..<1500 {
            switch directory.homeState {
            case .none, .ready: return
            case .failed(let text): return Terminal.note("oscircular: \(Terminal.clean(text))")
            case .waiting: break
            }
            guard directory.isAlive else { return }
            if !isTold { Terminal.note("waiting until the guest has its home") }
            isTold = true
            try await Task.sleep(for: .milliseconds(200))
        }
        Terminal.note("oscircular: the guest does not have its home yet; this is a login without it")
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
