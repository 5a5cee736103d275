import Glibc
import Linux

/// An ed25519 key pair in two files that OpenSSH wrote, for one session.
package struct SSHKeyPair: Sendable {
    /// The private key's file, 0600.
    package let privateKeyPath: String
    /// `ssh-ed25519 AAAA…`, without comment and newline.
    package let publicKey: String

    /// Makes a new pair: `path` and `path.pub`; older files there are replaced.
    /// - Throws: ``GuestNetworkError``: no ssh-keygen, or it failed.
    static func make(at path: String, comment: String) throws(GuestNetworkError) -> SSHKeyPair {
        let program = try HostProgram.sshKeygen.path()
        unlink(path)
        unlink(path + ".pub")
        let (ending, output) = try HostProgram.run(
            program, ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
        guard ending == .exited(0) else { throw .keyGeneration(ending, output: output) }
        do throws(SystemCallError) {
            let text = String(decoding: try SmallFile.read(path + ".pub"), as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "ssh-ed25519" else {
                throw SystemCallError(code: EBADMSG, call: "read", subject: path + ".pub")
            }
            return SSHKeyPair(privateKeyPath: path, publicKey: "\(words[0]) \(words[1])")
        } catch {
            throw GuestNetworkError(error)
        }
    }
}
