import Crypto
import Formats
import Linux

/// The key by which the guest recognizes its gateway. Its private half is in this process's memory and nowhere else: each sshd asks for a
/// signature over its one connection to us, as it would ask an ssh-agent, so that no login can read the key.
package struct GatewayHostKey: Sendable {
    /// `ssh-ed25519 AAAA…`
    package let publicKey: String
    /// The public key as ssh sends it.
    private let blob: [UInt8]
    private let key: Curve25519.Signing.PrivateKey

    package init() { self.init(Curve25519.Signing.PrivateKey()) }

    /// A key as ``secret`` gave it; nil where that is none.
    init?(secret: [UInt8]) {
        // Nil is what the doc comment says.
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: secret) else { return nil }
        self.init(key)
    }

    /// The private half, for a guest that is suspended: it knows this key and no other. Nobody else may read where it is kept.
    var secret: [UInt8] { Array(key.rawRepresentation) }

    private init(_ key: Curve25519.Signing.PrivateKey) {
        self.key = key
        blob = Self.string(Array(Self.name.utf8)) + Self.string(Array(key.publicKey.rawRepresentation))
        publicKey = "\(Self.name) \(Base64.encode(blob))"
    }

    private static let name = "ssh-ed25519"

    // MARK: The agent's protocol (draft-ietf-sshm-ssh-agent)

    /// The longest request that is answered; what sshd asks for takes some 200 bytes.
    static let longestRequest = 4096

    private enum Message {
        static let failure: UInt8 = 5
        static let signRequest: UInt8 = 13
        static let signResponse: UInt8 = 14
    }

    /// Takes one whole request from the beginning of `received`.
    /// - Returns: the answer; nil while the request is not whole.
    /// - Throws: ``SystemCallError`` (EMSGSIZE) for one that is too long: then the connection is of no use.
    func answer(_ received: inout [UInt8]) throws(SystemCallError) -> [UInt8]? {
        guard let length = Self.number(received[...]) else { return nil }
        guard (1...Self.longestRequest).contains(length) else {
            throw SystemCallError(.messageTooLong, call: "recv")
        }
        guard received.count >= 4 + length else { return nil }
        let request = received[4..<4 + length]
        received.removeFirst(4 + length)
        return Self.string(reply(to: Array(request)))
    }

    /// Signs what is asked with this key and no flags, and nothing else.
    private func reply(to request: [UInt8]) -> [UInt8] {
        var rest = request[...]
        guard rest.popFirst() == Message.signRequest, let asked = Self.takeString(&rest), asked == blob[...],
            let data = Self.takeString(&rest), Self.number(rest) == 0, rest.count == 4,
            // Ed25519 of CryptoKit fails for no data; a failure is an answer of the protocol.
            let signature = try? key.signature(for: data)
        else { return [Message.failure] }
        return [Message.signResponse] + Self.string(Self.string(Array(Self.name.utf8)) + Self.string(Array(signature)))
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }

    private static func takeString(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let length = number(bytes), bytes.count - 4 >= length else { return nil }
        let text = bytes.dropFirst(4).prefix(length)
        bytes = bytes.dropFirst(4 + length)
        return text
    }

    private static func string(_ bytes: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
    }
}
