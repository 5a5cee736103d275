import Formats
import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestNetwork

struct GuestCredentialsTests {
    @Test func writesTheKeysAsCredentialsThatOnlyTheOwnerReads() async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp")
            let keys = try SessionKeys.make(in: folder.path + "/keys")
            let credentials = try GuestCredentials.write(keys, to: folder.path + "/credentials")
            #expect(credentials.entries.map(\.name) == ["tmpfiles.extra", "ssh.authorized_keys.root"])
            #expect(credentials.entries[0].firmwareName == "opt/io.systemd.credentials/tmpfiles.extra")
            for path in credentials.entries.map(\.path)
                + [keys.hostIdentity, keys.guestIdentity].map(\.privateKeyPath)
            {
                #expect(try FileHandle(path: path, flags: O_RDONLY).status().st_mode & 0o777 == 0o600, "\(path)")
            }
            let lines = try FileContents.readText(credentials.entries[0].path, limit: 65_536).split(
                separator: "\n")
            #expect(lines.count == 6)
            // Read back by another program: coreutils.
            let encoded = try #require(lines[2].split(separator: " ").last)
            try AtomicFile.write(String(encoded), to: folder.path + "/encoded")
            let (_, decoded) = try HostProgram.run("/usr/bin/base64", ["-d", folder.path + "/encoded"])
            #expect(try decoded == FileContents.readText(keys.guestIdentity.privateKeyPath, limit: 65_536))
            #expect(lines[2].hasPrefix("f+~ /run/session/id_ed25519 0600 root root - "))
            let authorized = try FileContents.readText(credentials.entries[1].path, limit: 65_536)
            #expect(authorized == "\(keys.hostIdentity.publicKey) oscircular-host\n")
        }
    }

    @Test func namesTheGatewaysKeyForTheGuest() {
        let text = GuestCredentials.temporaryFiles(
            privateKey: Array("k".utf8), knownHosts: Array("10.0.2.2 ssh-ed25519 AAAA\n".utf8))
        #expect(
            text.contains(
                "f+~ /run/session/known_hosts 0600 root root - \(Base64.encode(Array("10.0.2.2 ssh-ed25519 AAAA\n".utf8)))\n"
            ))
        #expect(text.contains("L+ /root/.ssh/known_hosts - - - - /run/session/known_hosts\n"))
    }
}
