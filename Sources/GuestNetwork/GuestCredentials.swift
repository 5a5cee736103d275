import Formats
import Linux

/// The session's keys as systemd credentials for the guest, in files that QEMU hands over by fw_cfg.
///
/// Files rather than SMBIOS strings: those stand in QEMU's command line, which every user can read. The private key goes to the
/// guest's /run, so nothing of it stays in the overlay.
package struct GuestCredentials: Sendable {
    /// One credential: its systemd name, and its file.
    package struct Entry: Sendable, Equatable {
        package let name: String
        /// 0600; libvirt gives it to QEMU's uid while the domain runs.
        package let path: String

        /// The name to use in `<sysinfo type='fwcfg'><entry name=…>`.
        package var firmwareName: String { "opt/io.systemd.credentials/\(name)" }
    }

    package let entries: [Entry]
    /// The line of `authorized_keys` that lets this host's user in.
    package let authorizedKey: String
    /// What the guest logs in to this host with, as OpenSSH's files have it: for guests that do not get the credentials.
    package let guestKey: [UInt8]
    package let knownHosts: [UInt8]

    /// Writes the credentials' files into a folder of the session's own (0700, made when absent).
    /// - Throws: ``GuestNetworkError``.
    package static func write(_ keys: SessionKeys, to directory: String) throws(GuestNetworkError) -> GuestCredentials {
        try PrivateDirectory.make(directory)
        do throws(SystemCallError) {
            let authorizedKey = keys.hostIdentity.publicKey + " oscircular-host"
            let key = try FileContents.read(keys.guestIdentity.privateKeyPath, limit: SSHKeyPair.fileLimit)
            let known = Array("\(VirtualNetwork.gateway) \(keys.gatewayHost.publicKey)\n".utf8)
            let texts = [
                ("tmpfiles.extra", temporaryFiles(privateKey: key, knownHosts: known)),
                ("ssh.authorized_keys.root", authorizedKey + "\n"),
            ]
            var entries: [Entry] = []
            for (name, text) in texts {
                let entry = Entry(name: name, path: "\(directory)/\(name)")
                try AtomicFile.write(text, to: entry.path, mode: 0o600)
                entries.append(entry)
            }
            return GuestCredentials(
                entries: entries, authorizedKey: authorizedKey, guestKey: key, knownHosts: known)
        } catch {
            throw GuestNetworkError(error)
        }
    }

    /// Lines of tmpfiles.d(5). `f+~` takes base64 and overwrites, `L+` replaces what an image may have there.
    static func temporaryFiles(privateKey: [UInt8], knownHosts: [UInt8]) -> String {
        """
        d /root/.ssh 0700 root root -
        d /run/session 0700 root root -
        f+~ /run/session/id_ed25519 0600 root root - \(Base64.encode(privateKey))
        f+~ /run/session/known_hosts 0600 root root - \(Base64.encode(knownHosts))
        L+ /root/.ssh/id_ed25519 - - - - /run/session/id_ed25519
        L+ /root/.ssh/known_hosts - - - - /run/session/known_hosts

        """
    }
}
