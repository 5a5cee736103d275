import Glibc
import Linux

/// A viewer that speaks SPICE's main channel and nothing else: what it sends to the guest's agent, and hears of it, no program of the desktop
/// has filtered. The numbers are those of spice-protocol.
///
/// Every call waits; not for a thread of the cooperative pool.
package final class SPICEClient: Sendable {
    /// Messages of agents (`VD_AGENT_…`).
    package enum AgentMessage: UInt32, Sendable, CaseIterable {
        case clipboard = 4
        case grab = 7
        case request, release, fileStart
        /// Nobody minds it, and QEMU changes nothing of it.
        case volume = 15
    }

    /// Why nothing can be said or heard.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private let handle: FileHandle

    /// Connects, and says that there is a client for the agent.
    /// - Parameter path: QEMU's socket.
    /// - Throws: ``Failure``, `SystemCallError`.
    package init(path: String) throws {
        handle = try UnixListener.connect(to: path, timeout: 20)
        // Connection 0, main channel, one word of capabilities of each kind: to choose the way of logging in, that way, and short headers;
        // and tokens with the agent's connection.
        let link =
            Self.bytes(UInt32(0)) + [1, 0] + Self.bytes(UInt32(1)) + Self.bytes(UInt32(1)) + Self.bytes(UInt32(18))
            + Self.bytes(UInt32(0b1011)) + Self.bytes(UInt32(0b100))
        try send(
            Array("REDQ".utf8) + Self.bytes(UInt32(2)) + Self.bytes(UInt32(2)) + Self.bytes(UInt32(link.count)) + link)
        let header = try receive(16)
        let reply = try receive(Int(Self.word(header, 12)))
        guard header.starts(with: Array("REDQ".utf8)), Self.word(reply, 0) == 0 else {
            throw Failure(description: "QEMU refuses the channel: \(Self.word(reply, 0))")
        }
        // Who may open the socket needs no password; it is sent all the same, for the key that has come with the answer.
        try send(Self.bytes(UInt32(1)) + Self.encrypted([0], key: Array(reply[4..<166])))
        guard Self.word(try receive(4), 0) == 0 else { throw Failure(description: "QEMU lets nobody in") }
    }

    /// Waits until the guest's agent is there, and lets it send so much as it likes.
    /// - Throws: as ``init(path:)``.
    package func meetAgent() throws {
        while true {
            let (type, body) = try message()
            // The first message says so, or that it has come meanwhile.
            if type == 107 || type == 115 || type == 103 && Self.word(body, 16) != 0 { break }
        }
        try say(106, Self.bytes(UInt32(1000)))
    }

    /// Says something to the agent.
    /// - Throws: as ``init(path:)``.
    package func tell(_ type: AgentMessage, _ data: [UInt8]) throws {
        try say(
            107,
            Self.bytes(UInt32(1)) + Self.bytes(type.rawValue) + Self.bytes(UInt64(0))
                + Self.bytes(UInt32(data.count)) + data)
    }

    /// What the agent says, up to a message of one kind.
    /// - Returns: the kinds, in order, and all the bytes.
    /// - Throws: as ``init(path:)``; when that message does not come in time, too.
    package func hear(until last: AgentMessage) throws -> (types: [UInt32], bytes: [UInt8]) {
        var (types, bytes): ([UInt32], [UInt8]) = ([], [])
        while true {
            let (type, body) = try message()
            guard type == 109 else { continue }
            types.append(Self.word(body, 4))
            bytes += body
            if types.last == last.rawValue { return (types, bytes) }
        }
    }

    /// A password, for an RSA key in DER.
    private static func encrypted(_ password: [UInt8], key: [UInt8]) throws -> [UInt8] {
        let folder = try TemporaryDirectory()
        let (plain, file) = (try folder.write(password, to: "password"), try folder.write(key, to: "key"))
        let program = try ChildProcess(
            ProgramPath.find("openssl") ?? "openssl",
            [
                "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", file, "-pkeyopt",
                "rsa_padding_mode:oaep", "-in", plain, "-out", folder.path("encrypted"),
            ], environment: nil, session: .inherited)
        guard program.wait() == .exited(0) else { throw Failure(description: "openssl does not encrypt the password") }
        return try folder.bytes("encrypted")
    }

    // MARK: Messages

    /// The next message that is not about the connection itself.
    private func message() throws -> (type: UInt16, body: [UInt8]) {
        while true {
            let header = try receive(6)
            let (type, size) = (UInt16(header[0]) | UInt16(header[1]) << 8, Self.word(header, 2))
            guard size < 1 << 24 else { throw Failure(description: "a message of \(size) bytes") }
            let body = try receive(Int(size))
            switch type {
            // The generation of what is acknowledged; the window is larger than anything here.
            case 3: try say(1, Array(body.prefix(4)))
            case 4: try say(3, Array(body.prefix(12)))
            default: return (type, body)
            }
        }
    }

    private func say(_ type: UInt16, _ body: [UInt8]) throws {
        try send(Self.bytes(type) + Self.bytes(UInt32(body.count)) + body)
    }

    private func send(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try handle.write($0) } }

    private func receive(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                read(handle.descriptor, $0.baseAddress?.advanced(by: done), count - done)
            }
            guard got > 0 else { throw Failure(description: got == 0 ? "QEMU closed the connection" : "nothing came") }
            done += got
        }
        return bytes
    }

    private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        guard bytes.count >= at + 4 else { return .max }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * $1) }
    }
}
