import Linux

/// One connection of the guest: the sandbox that serves it, and the socket at which its sshd asks for signatures.
final class SSHConnection {
    let child: ChildProcess
    private let information: FileHandle
    private let hostKey: GatewayHostKey
    private var agent: Agent

    /// sshd asks before anybody is logged in. It is the first to connect, and from then on nobody can.
    private enum Agent {
        case awaited(UnixListener)
        case connected(FileHandle, received: [UInt8])
        case gone
    }

    /// Starts the sandbox.
    /// - Parameters:
    ///   - agentPath: where the socket is made.
    ///   - log: becomes sshd's standard error.
    /// - Throws: ``SystemCallError``.
    init(
        _ connection: FileHandle, in sandbox: SSHSandbox, agentPath: String, fileLimit: UInt64, hostKey: GatewayHostKey,
        log: FileHandle
    ) throws(SystemCallError) {
        let listener = try UnixListener(path: agentPath, owner: CurrentUser.isRoot ? sandbox.user.uid : nil)
        let pipe = try Pipe()
        let start = try sandbox.start(agent: agentPath, fileLimit: fileLimit, information: pipe.writing)
        child = try ChildProcess(
            sandbox.program, start.arguments, standardInput: connection.descriptor,
            standardOutput: connection.descriptor, standardError: log.descriptor,
            otherDescriptors: start.descriptors.mapValues(\.descriptor))
        withExtendedLifetime(start) {}
        information = pipe.reading
        self.hostKey = hostKey
        agent = .awaited(listener)
    }

    /// For poll; nil when there is nothing to wait for.
    var agentDescriptor: Int32? {
        switch agent {
        case .awaited(let listener): listener.descriptor
        case .connected(let connection, _): connection.descriptor
        case .gone: nil
        }
    }

    /// Serves the agent's socket, which is readable.
    func serveAgent() {
        switch agent {
        case .awaited(let listener):
            // The name goes with the listener.
            if let connection = listener.accept(nonblocking: true) { agent = .connected(connection, received: []) }
        case .connected(let connection, var received):
            agent = .gone
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: GatewayHostKey.longestRequest, alignment: 8)
            defer { buffer.deallocate() }
            do throws(SystemCallError) {
                switch try connection.receive(into: buffer) {
                case .end: return
                case .nothingYet: break
                case .bytes(let count): received += buffer[..<count]
                }
                while let answer = try hostKey.answer(&received) {
                    // One answer fits in a socket; who sends requests and reads no answers gets none any more.
                    var sent = 0
                    try answer.withBytes { (bytes) throws(SystemCallError) in sent = try connection.send(bytes) }
                    guard sent == answer.count else { return }
                }
            } catch {
                return
            }
            agent = .connected(connection, received: received)
        case .gone: break
        }
    }

    /// The sandbox's first process; nil before bubblewrap has made it: then bubblewrap's death prevents it.
    var firstProcess: ProcessDescriptor? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 1)
        defer { buffer.deallocate() }
        var sources = [PollSource(information.descriptor)]
        // What cannot be read has not been written.
        guard (try? PollSource.wait(for: &sources, milliseconds: 0)) == true,
            case .bytes(let count)? = try? information.receive(into: buffer)
        else { return nil }
        // {\n    "child-pid": 4711,\n …: the first number.
        let digits = buffer[..<count].drop { !(48...57).contains($0) }.prefix { (48...57).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self)).flatMap(ProcessDescriptor.init)
    }
}
