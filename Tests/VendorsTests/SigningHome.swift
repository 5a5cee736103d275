import Linux
import TestSupport

/// A vendor's OpenPGP key, made once for all tests: gpg needs a while for one.
final class SigningHome: Sendable {
    static let shared = Result { try SigningHome() }

    private let folder: TemporaryDirectory
    /// Of the vendor's primary key, and of somebody else's.
    let vendor: String
    let stranger: String

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        func make(_ name: String) throws -> String {
            _ = try GnuPG.run(folder.path, ["--quick-gen-key", name, "ed25519", "sign", "never"])
            let listing = try GnuPG.run(folder.path, ["--with-colons", "--list-keys", name])
            let line =
                String(decoding: listing, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("fpr:") } ?? ""
            return String(line.split(separator: ":", omittingEmptySubsequences: false)[9])
        }
        vendor = try make("vendor@example.org")
        stranger = try make("stranger@example.org")
    }

    /// - Returns: its fingerprint.
    func addSubkey() throws -> String {
        _ = try GnuPG.run(folder.path, ["--quick-add-key", vendor, "ed25519", "sign", "never"])
        let listing = try GnuPG.run(folder.path, ["--with-colons", "--list-keys", vendor])
        let line = String(decoding: listing, as: UTF8.self).split(separator: "\n").last { $0.hasPrefix("fpr:") } ?? ""
        return String(line.split(separator: ":", omittingEmptySubsequences: false)[9])
    }

    func export() throws -> [UInt8] { try GnuPG.run(folder.path, ["--armor", "--export"]) }

    func sign(_ bytes: [UInt8], by key: String? = nil, _ way: String = "--detach-sign") throws -> [UInt8] {
        let work = try TemporaryDirectory()
        try work.write(bytes, to: "data")
        _ = try GnuPG.run(folder.path, ["-u", key ?? vendor, "-o", work.path("out"), way, work.path("data")])
        return try work.bytes("out")
    }
}
