import Crypto
import CryptoExtras
import Glibc
import Linux
import TUF
import TestSupport
import Testing

@Suite struct KeyFileTests {
    private static let keys: [@Sendable () throws -> SigningKey] = [
        { .generate() }, { .ecdsa(P256.Signing.PrivateKey()) },
        { .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)) },
    ]

    @Test(arguments: 0..<3, [nil, "pässphrase"]) func readsWhatItWrote(kind: Int, passphrase: String?) throws {
        let folder = try TemporaryDirectory()
        let key = try Self.keys[kind]()
        let path = "\(folder.path)/key"
        try KeyFile.write(key, to: path, passphrase: passphrase)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let read = try KeyFile.read(path, passphrase: passphrase)
        #expect(read.publicKey.keyID == key.publicKey.keyID)
    }

    @Test func needsTheRightPassphrase() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/key"
        try KeyFile.write(.generate(), to: path, passphrase: "right")
        #expect(try !FileContents.readText(path, limit: 4096).contains("BEGIN PRIVATE"))
        for passphrase in ["wrong", "", "Right"] {
            #expect(throws: KeyFileError.self) { try KeyFile.read(path, passphrase: passphrase) }
        }
        do {
            _ = try KeyFile.read(path)
            Issue.record("read without a passphrase")
        } catch {
            guard case .needsPassphrase = error else { throw error }
        }
    }

    @Test func overwritesNoKey() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/key"
        let key = SigningKey.generate()
        try KeyFile.write(key, to: path)
        #expect(throws: KeyFileError.self) { try KeyFile.write(.generate(), to: path) }
        #expect(try KeyFile.read(path).publicKey.keyID == key.publicKey.keyID)
    }

    @Test func refusesAKeyThatOthersMayRead() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/key"
        try KeyFile.write(.generate(), to: path)
        chmod(path, 0o640)
        do {
            _ = try KeyFile.read(path)
            Issue.record("it was read")
        } catch {
            guard case .readableByOthers(_, let mode) = error else { throw error }
            #expect(mode == 0o640)
        }
    }

    @Test(arguments: [
        "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    ])
    func refusesFilesWithoutAKey(_ text: String) throws {
        let folder = try TemporaryDirectory()
        try AtomicFile.write(text, to: "\(folder.path)/key", mode: 0o600)
        #expect(throws: KeyFileError.self) { try KeyFile.read("\(folder.path)/key", passphrase: "x") }
    }

    @Test(.enabled(if: BuiltProgram.isInstalled("openssl"), "openssl is not installed"))
    func readsOpenSSLsKeysAndOpenSSLReadsOurs() async throws {
        let folder = try TemporaryDirectory()
        let (ours, theirs) = ("\(folder.path)/ours", "\(folder.path)/theirs")
        let key = SigningKey.generate()
        try KeyFile.write(key, to: ours, passphrase: "secret")
        let shown = try await BuiltProgram.runAny(
            "openssl", ["pkey", "-in", ours, "-passin", "pass:secret", "-noout", "-text_pub"])
        #expect(shown.status == 0 && shown.stdout.contains("ED25519"), "\(shown.stderr)")
        let made = try await BuiltProgram.runAny(
            "openssl",
            ["genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:secret", "-out", theirs])
        #expect(made.status == 0, "\(made.stderr)")
        chmod(theirs, 0o600)
        #expect(try KeyFile.read(theirs, passphrase: "secret").publicKey.type == "ed25519")
    }
}
