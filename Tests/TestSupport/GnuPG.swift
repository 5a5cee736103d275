import Linux

/// gpg, as tests that make keys and signatures call it.
package enum GnuPG {
    /// - Parameter home: its folder of keys.
    /// - Returns: what it prints.
    /// - Throws: ``Failed`` when it ends otherwise than well.
    package static func run(_ home: String, _ arguments: [String]) throws -> [UInt8] {
        let fixed = [
            "--homedir", home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "",
        ]
        let ended = try ChildProcess.run("gpg", fixed + arguments, keeping: 1 << 20, within: .seconds(60))
        guard ended.ending == .exited(0) else { throw Failed(text: "gpg \(arguments): \(ended.text)") }
        return ended.output
    }

    package struct Failed: Error { let text: String }
}
