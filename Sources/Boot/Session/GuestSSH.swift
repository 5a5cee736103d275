import Linux

/// How this host's ssh gets into a session's guest: through the session's socket, with the session's key.
package enum GuestSSH {
    /// The arguments of ssh up to the host's name, which a command follows.
    /// - Parameter program: our own, which speaks to the socket.
    package static func arguments(
        to directory: SessionDirectory, as user: String, program: String
    ) -> [String] {
        let proxy = "\(ShellQuote.quote(program)) ssh-proxy \(ShellQuote.quote(directory.sshToGuest))"
        return [
            "-F", "/dev/null", "-o", "ProxyCommand=\(proxy)", "-o", "IdentitiesOnly=yes",
            "-o", "IdentityAgent=none", "-i", directory.keyIntoGuest, "-o", "StrictHostKeyChecking=no",
            // The socket's other end is this guest by construction, so there is no host key to compare.
            "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
            "-o", "PasswordAuthentication=no", "-l", user, "guest",
        ]
    }

    /// The command that reads a script of sh(1) as root in the guest.
    /// - Parameter user: who logs in: root, or one who may become root without a password.
    static func rootShell(for user: String) -> String {
        user == "root"
            ? "exec sh -s" : "if command -v sudo > /dev/null; then exec sudo -n sh -s; else exec doas -n sh -s; fi"
    }

    /// Runs a script of sh(1) as root in the guest. Holds the calling thread.
    /// - Parameter user: root, or one who may become root without a password.
    /// - Throws: ``SystemCallError`` when ssh could not be started.
    static func run(
        _ script: String, in directory: SessionDirectory, as user: String, within time: Duration
    ) throws(SystemCallError) -> ChildProcess.Finished {
        let input = try Pipe.holding(script.utf8)
        defer { withExtendedLifetime(input) {} }
        // What the guest says is its own: its end, and only that, is kept.
        return try ChildProcess.run(
            "ssh",
            // A connection that was asked for before the guest had a network is tried again ever more seldom.
            ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", "-o", "ConnectTimeout=10"]
                + arguments(to: directory, as: user, program: CurrentProcess.programPath) + [rootShell(for: user)],
            environment: nil, standardInput: input.descriptor, keeping: 2000, within: time)
    }
}

/// Quotes text as one word of a POSIX shell.
package enum ShellQuote {
    package static func quote(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
