import Linux
import TestSupport

@testable import Upstream

/// A GnuPG home with vendors' keys, made once for tests that run together: gpg needs 0.2 s a key.
final class TestKeyHome: Sendable {
    /// Signs by a subkey.
    let vendor: VendorKey
    let stranger: VendorKey
    /// Expired at the end of 2020.
    let expired: VendorKey

    private let folder: TemporaryDirectory

    private struct Held {
        weak var home: TestKeyHome?
    }

    private static let held = Monitor(Held())

    /// The one that other tests hold, or a new one: it goes with its last test, and gpg's agent with its folder.
    static func shared() throws -> TestKeyHome {
        try held.change { held in
            if let home = held.home { return home }
            let home = try TestKeyHome()
            held.home = home
            return home
        }
    }

    private init() throws {
        folder = try TemporaryDirectory()
        let path = folder.path
        func gpg(_ arguments: [String]) throws -> [UInt8] { try GnuPG.run(path, arguments) }
        func fingerprint(_ name: String) throws -> String {
            let listing = try gpg(["--with-colons", "--list-keys", name])
            let line = TextLines(listing).first { $0.hasPrefix("fpr:") } ?? ""
            return String(line.split(separator: ":", omittingEmptySubsequences: false)[9])
        }
        func key(_ name: String) throws -> VendorKey {
            guard let key = VendorKey(kind: .openpgp, fingerprint: try fingerprint(name), url: "https://h/\(name)")
            else {
                throw TestKeyError(text: "gpg made no key \(name)")
            }
            return key
        }
        _ = try gpg(["--quick-gen-key", "vendor@example.org", "ed25519", "cert", "never"])
        _ = try gpg(["--quick-add-key", try fingerprint("vendor@example.org"), "ed25519", "sign", "never"])
        _ = try gpg(["--quick-gen-key", "stranger@example.org", "ed25519", "default", "never"])
        _ = try gpg(
            [
                "--faked-system-time", "20200101T000000!", "--quick-gen-key", "expired@example.org", "ed25519",
                "default", "20201231T000000",
            ])
        vendor = try key("vendor@example.org")
        stranger = try key("stranger@example.org")
        expired = try key("expired@example.org")
    }

    /// All public keys in one file, as some vendors publish theirs.
    func export(armoured: Bool = false) throws -> [UInt8] { try gpg((armoured ? ["--armor"] : []) + ["--export"]) }

    func kept(_ key: VendorKey) throws -> KeptKey {
        guard let material = try OpenPGPPackets.key(key.fingerprint, in: export()) else {
            throw TestKeyError(text: "no key \(key.fingerprint)")
        }
        return KeptKey(key: key, material: material)
    }

    /// - Parameter way: `--detach-sign`, `--clearsign`.
    func sign(
        _ bytes: [UInt8], by keys: [VendorKey], _ way: String = "--detach-sign", armoured: Bool = false,
        at time: String? = nil
    ) throws -> [UInt8] {
        let work = try TemporaryDirectory()
        try AtomicFile.write(bytes, to: work.path("data"))
        var arguments = time.map { ["--faked-system-time", "\($0)!"] } ?? []
        arguments += armoured ? ["--armor"] : []
        arguments += keys.flatMap { ["-u", $0.fingerprint] } + ["-o", work.path("out"), way, work.path("data")]
        _ = try gpg(arguments)
        return try FileContents.read(work.path("out"), limit: 1 << 20)
    }

    /// A key that signed, and then was revoked.
    func revokedKey(signing bytes: [UInt8]) throws -> (key: KeptKey, signature: [UInt8]) {
        let name = "revoked@example.org"
        _ = try gpg(["--quick-gen-key", name, "ed25519", "default", "never"])
        let line = TextLines(try gpg(["--with-colons", "--list-keys", name])).first { $0.hasPrefix("fpr:") } ?? ""
        let fingerprint = String(line.split(separator: ":", omittingEmptySubsequences: false)[9])
        guard let key = VendorKey(kind: .openpgp, fingerprint: fingerprint, url: "https://h/r") else {
            throw TestKeyError(text: "gpg made no key")
        }
        let signature = try sign(bytes, by: [key])
        // gpg puts a colon before the armour, so that nobody revokes a key by mistake.
        let path = folder.path("openpgp-revocs.d/\(fingerprint).rev")
        let certificate = try FileContents.readText(path, limit: 65_536).replacing("\n:-----", with: "\n-----")
        try AtomicFile.write(certificate, to: path)
        _ = try gpg(["--import", path])
        return (try kept(key), signature)
    }

    func gpg(_ arguments: [String]) throws -> [UInt8] { try GnuPG.run(folder.path, arguments) }
}

struct TestKeyError: Error {
    let text: String
}
