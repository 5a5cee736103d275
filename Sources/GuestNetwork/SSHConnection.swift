import Linux

/// One connection of the guest: the sandbox that serves it, and the socket at which its sshd asks for signatures.
final class SSHConnection {
    let child: ChildProcess
    private let information: FileHandle
    private let hostKey: GatewayHostKey
    /// Where sshd connects: once to see whether somebody is there, and again to ask. Gone with the first signature, without which nobody is
    /// logged in: so no login can connect.
    private var listener: UnixListener?
    private var asking: FileHandle?
    private var received: [UInt8] = []

    /// Starts the sandbox.
    /// - Parameters:
    ///   - agentPath: where the socket is made.
    ///   - fileLimit: bytes of the largest file; nil for who has stored too much: it may read and remove, and not write.
    ///   - log: becomes sshd's standard error.
    /// - Throws: ``SystemCallError``; ``GuestNetworkError`` of the bounds.
    init(
        _ connection: FileHandle, in sandbox: SSHSandbox, agentPath: String, fileLimit: UInt64?,
        bounds: SessionBounds, hostKey: GatewayHostKey, log: FileHandle
    ) throws {
        listener = try UnixListener(path: agentPath, owner: CurrentUser.isRoot ? sandbox.user.uid : nil)
        let pipe = try Pipe()
        let start = try sandbox.start(agent: agentPath, mayWrite: fileLimit != nil, information: pipe.writing)
        child = try ChildProcess.held(
            sandbox.program, start.arguments, standardInput: connection.descriptor,
            standardOutput: connection.descriptor, standardError: log.descriptor,
            otherDescriptors: start.descriptors.mapValues(\.descriptor),
            whileHeld: { process in
                try bounds.place(process, .login)
                // bubblewrap writes small files, too.
                let bytes = max(Int(clamping: fileLimit ?? 0), 1 << 20)
                try ResourceLimit.fileSize.lower(to: bytes, of: process)
            })
        withExtendedLifetime(start) {}
        information = pipe.reading
        self.hostKey = hostKey
    }

    /// For poll; nil where there is nothing to wait for.
    var descriptors: [Int32?] { [child.descriptor, listener?.descriptor, asking?.descriptor] }

    /// Serves what has come.
    /// - Parameter sources: of ``descriptors``.
    func serve(_ sources: ArraySlice<PollSource>) {
        let news = sources.map(\.hasNews)
        if news[2] { answer() }
        if news[1], let connection = listener?.accept(nonblocking: true) {
            asking = connection
            received = []
        }
    }

    private func answer() {
        guard let connection = asking else { return }
        asking = nil
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: GatewayHostKey.longestRequest, alignment: 8)
        defer { buffer.deallocate() }
        do throws(SystemCallError) {
            switch try connection.receive(into: buffer) {
            case .end: return
            case .nothingYet: break
            case .bytes(let count): received += buffer[..<count]
            }
            while let answer = try hostKey.answer(&received) {
                // The name goes with it.
                listener = nil
                // One answer fits in a socket; who sends requests and reads no answers gets none any more.
                var sent = 0
                try answer.withBytes { (bytes) throws(SystemCallError) in sent = try connection.send(bytes) }
                guard sent == answer.count else { return }
            }
            asking = connection
        } catch {}
    }

    /// The sandbox's first process; nil where bubblewrap has not made it in half a second. Waits for that: one that is just being made has
    /// not asked yet to die with bubblewrap.
    var firstProcess: ProcessDescriptor? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 1)
        defer { buffer.deallocate() }
        var sources = [PollSource(information.descriptor)]
        // What cannot be read has not been written.
        guard (try? PollSource.wait(for: &sources, milliseconds: 500)) == true,
            case .bytes(let count)? = try? information.receive(into: buffer)
        else { return nil }
        // {\n    "child-pid": 4711,\n …: the first number.
        let digits = buffer[..<count].drop { !(48...57).contains($0) }.prefix { (48...57).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self)).flatMap(ProcessDescriptor.init)
    }
}
