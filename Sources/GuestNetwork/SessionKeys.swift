import Linux

/// The one-time keys of one session. They die with the session's folder.
package struct SessionKeys: Sendable {
    /// The guest logs in to the gateway with it; its private half goes into the guest.
    package let guestIdentity: SSHKeyPair
    /// The guest recognizes the gateway by it.
    package let gatewayHost: GatewayHostKey
    /// The host logs in to the guest with it; its private half stays in the session's folder.
    package let hostIdentity: SSHKeyPair

    /// Makes three pairs, two of them in `directory`, which is the session's own (0700). Takes some ten milliseconds.
    /// - Parameter kept: where the key into the guest is kept, which a guest may take only once: it is made there where it is missing. Nil for
    ///   a new one.
    /// - Throws: ``GuestNetworkError``.
    package static func make(in directory: String, keptHostKey kept: String? = nil) throws(GuestNetworkError)
        -> SessionKeys
    {
        try PrivateDirectory.make(directory)
        return SessionKeys(
            guestIdentity: try SSHKeyPair.make(at: "\(directory)/guest_ed25519", comment: "oscircular-guest"),
            gatewayHost: GatewayHostKey(), hostIdentity: try hostIdentity(at: "\(directory)/host_ed25519", kept: kept))
    }

    // MARK: Of a suspended guest

    private static let gatewayFile = "gateway"

    /// Copies the keys, which a suspended guest knows, into a folder that nobody else may enter.
    /// - Throws: ``SystemCallError``.
    package func keep(in folder: String) throws(SystemCallError) {
        for pair in [guestIdentity, hostIdentity] {
            let name = pair.privateKeyPath.split(separator: "/").last.map(String.init) ?? ""
            for ending in ["", ".pub"] {
                let bytes = try FileContents.read(pair.privateKeyPath + ending, limit: SSHKeyPair.fileLimit)
                try AtomicFile.write(bytes, to: "\(folder)/\(name)\(ending)", mode: 0o600, durable: true)
            }
        }
        try AtomicFile.write(
            gatewayHost.secret, to: "\(folder)/\(SessionKeys.gatewayFile)", mode: 0o600, durable: true)
    }

    /// The keys that ``keep(in:)`` kept, in `directory`, which is the session's own (0700).
    /// - Throws: ``GuestNetworkError``.
    package static func restore(
        from folder: String, in directory: String
    ) throws(GuestNetworkError) -> SessionKeys {
        try PrivateDirectory.make(directory)
        do throws(SystemCallError) {
            let secret = try FileContents.read("\(folder)/\(gatewayFile)", limit: 64)
            guard let gateway = GatewayHostKey(secret: secret) else {
                throw SystemCallError(.badMessage, call: "read", subject: "\(folder)/\(gatewayFile)")
            }
            func pair(_ name: String) throws(SystemCallError) -> SSHKeyPair {
                for ending in ["", ".pub"] {
                    let bytes = try FileContents.read("\(folder)/\(name)\(ending)", limit: SSHKeyPair.fileLimit)
                    try AtomicFile.write(bytes, to: "\(directory)/\(name)\(ending)", mode: 0o600)
                }
                return try SSHKeyPair(existing: "\(directory)/\(name)")
            }
            return SessionKeys(
                guestIdentity: try pair("guest_ed25519"), gatewayHost: gateway,
                hostIdentity: try pair("host_ed25519"))
        } catch {
            throw GuestNetworkError(error)
        }
    }

    private static func hostIdentity(at path: String, kept: String?) throws(GuestNetworkError) -> SSHKeyPair {
        if let kept { return try SSHKeyPair.copy(of: kept, at: path) }
        return try SSHKeyPair.make(at: path, comment: "oscircular-host")
    }
}

/// An ed25519 key pair in two files that OpenSSH wrote, for one session.
package struct SSHKeyPair: Sendable {
    /// The private key's file, 0600.
    package let privateKeyPath: String
    /// `ssh-ed25519 AAAA…`, without comment and newline.
    package let publicKey: String

    private init(privateKeyPath: String, publicKey: String) {
        (self.privateKeyPath, self.publicKey) = (privateKeyPath, publicKey)
    }

    /// A pair that is there.
    init(existing path: String) throws(SystemCallError) {
        self.init(privateKeyPath: path, publicKey: try SSHKeyPair.publicKey(of: path))
    }

    /// Bytes that a key's file has at most.
    static let fileLimit = 65_536

    /// Makes a new pair: `path` and `path.pub`; older files there are replaced.
    /// - Throws: ``GuestNetworkError``: no ssh-keygen, or it failed.
    static func make(at path: String, comment: String) throws(GuestNetworkError) -> SSHKeyPair {
        let program = try HostProgram.sshKeygen.path()
        do throws(SystemCallError) {
            try Paths.remove(path)
            try Paths.remove(path + ".pub")
        } catch {
            throw GuestNetworkError(error)
        }
        let (ending, output) = try HostProgram.run(
            program, ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
        guard ending == .exited(0) else { throw .keyGeneration(ending, output: output) }
        do throws(SystemCallError) {
            return SSHKeyPair(privateKeyPath: path, publicKey: try publicKey(of: path))
        } catch {
            throw GuestNetworkError(error)
        }
    }

    /// Copies a pair that is kept, and makes it first where there is none.
    static func copy(of kept: String, at path: String) throws(GuestNetworkError) -> SSHKeyPair {
        do {
            let isKept = try Paths.isThere(kept) && Paths.isThere(kept + ".pub")
            if !isKept { _ = try make(at: path, comment: "oscircular-host") }
            let (from, to) = isKept ? (kept, path) : (path, kept)
            // The private half last: without it the next start makes another pair.
            for ending in [".pub", ""] {
                let bytes = try FileContents.read(from + ending, limit: fileLimit)
                try AtomicFile.write(bytes, to: to + ending, mode: 0o600, durable: !isKept)
            }
            return SSHKeyPair(privateKeyPath: path, publicKey: try publicKey(of: path))
        } catch let error as SystemCallError {
            throw GuestNetworkError(error)
        } catch let error as GuestNetworkError {
            throw error
        } catch {
            preconditionFailure("nothing else is thrown: \(error)")
        }
    }

    private static func publicKey(of path: String) throws(SystemCallError) -> String {
        let text = try FileContents.readText(path + ".pub", limit: fileLimit)
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count >= 2, fields[0] == "ssh-ed25519" else {
            throw SystemCallError(.badMessage, call: "read", subject: path + ".pub")
        }
        return "\(fields[0]) \(fields[1])"
    }
}
