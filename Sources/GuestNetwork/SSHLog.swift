import Linux

/// The log of a session's ssh servers. Who is logged in writes to it, too: so it is a pipe that is copied here, not a file of the host's
/// that is open there; it is bounded in size and rate, and no byte of it means anything to a terminal.
final class SSHLog {
    /// The file is emptied beyond this.
    static let limit = 1 << 20
    /// Bytes a second, in the long run; who writes more waits.
    static let rate = 65_536

    /// What every sandbox gets as standard error.
    let writing: FileHandle
    private let reading: FileHandle
    private let path: String
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
    /// When what was copied is paid for, in ``MonotonicClock`` nanoseconds.
    private var paid: UInt64 = 0

    /// - Parameter pipe: as ``pipe(to:)`` gave it.
    init(path: String, pipe: Pipe) {
        (reading, writing) = (pipe.reading, pipe.writing)
        self.path = path
    }

    /// A pipe for the log, whose file is there from then on.
    /// - Throws: ``SystemCallError``.
    static func pipe(to path: String) throws(SystemCallError) -> Pipe {
        let pipe = try Pipe()
        try pipe.reading.makeNonblocking()
        _ = try open(path)
        return pipe
    }

    deinit { buffer.deallocate() }

    /// For poll; nil while what came lately is enough.
    var descriptor: Int32? { MonotonicClock.nanoseconds >= paid ? reading.descriptor : nil }

    /// When ``descriptor`` is to be looked at again; nil when it is there.
    var resumes: UInt64? { MonotonicClock.nanoseconds >= paid ? nil : paid }

    /// Copies what is there, at most 16 KiB.
    func copy() {
        // The pipe cannot fail; what comes late is copied the next time.
        guard case .bytes(let count)? = try? reading.receive(into: buffer) else { return }
        paid = MonotonicClock.nanoseconds + UInt64(count) * 1_000_000_000 / UInt64(Self.rate)
        // sshd's lines end with both.
        let bytes = buffer[..<count].filter { $0 != UInt8(ascii: "\r") }
        append(bytes.map { Self.isPlain($0) ? $0 : UInt8(ascii: "?") })
    }

    /// Writes a line of the gateway's own.
    func note(_ text: String) { append(Array("oscircular: \(text)\n".utf8)) }

    /// Printable ASCII, which is all that sshd writes, and newlines.
    private static func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) || byte == UInt8(ascii: "\n") }

    private func append(_ bytes: [UInt8]) {
        // A log that cannot be written is no reason to refuse logins.
        guard let file = try? Self.open(path) else { return }
        // As above.
        try? bytes.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
    }

    private static func open(_ path: String) throws(SystemCallError) -> FileHandle {
        let file = try FileHandle(path, for: .writing, [.append, .create, .refuseLink], mode: 0o600)
        if try file.status().size > limit { try file.truncate(to: 0) }
        return file
    }
}
