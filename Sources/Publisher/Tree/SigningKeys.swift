import Linux
import TUF

/// A folder with a publisher's private keys: `ROLE-KEYID.pem`, mode 0600, each encrypted where the publisher wants it.
///
/// Only those that a change needs are opened, so a key on a stick or under a passphrase is missed only when it must sign.
package struct SigningKeys: Sendable {
    package let folder: String
    /// Gives the passphrase of an encrypted key; nil when it is not known.
    package typealias Passphrase = @Sendable (_ key: String) throws(PublisherError) -> String?

    /// Asked once for each encrypted key.
    private let passphrase: Passphrase

    package init(
        folder: String, passphrase: @escaping Passphrase = { (_: String) throws(PublisherError) -> String? in nil }
    ) {
        self.folder = folder
        self.passphrase = passphrase
    }

    /// `$XDG_STATE_HOME/oscircular-publish/keys`, for root `/var/lib/oscircular-publish/keys`: never inside a tree.
    package static var usualFolder: String {
        if let state = Environment.folder("XDG_STATE_HOME") { return "\(state)/oscircular-publish/keys" }
        if CurrentUser.isRoot { return "/var/lib/oscircular-publish/keys" }
        return "\(Environment.home)/.local/state/oscircular-publish/keys"
    }

    /// Refuses a folder that is published with a tree: also by a relative path or by links, and where one of the two is not there
    /// yet.
    /// - Throws: ``PublisherError/keysInTree(folder:tree:)``.
    package func check(outside tree: String) throws(PublisherError) {
        // A part of a tree may be a link to another disk.
        for part in ["", "/metadata", "/targets", "/blocks", "/drafts"]
        where ResolvedPath.isInside(folder, tree + part) {
            throw .keysInTree(folder: folder, tree: tree)
        }
    }

    /// Makes a key and keeps it here.
    /// - Parameters:
    ///   - role: what it is for, as a part of the file's name.
    ///   - passphrase: encrypts the file; nil leaves it plain.
    /// - Throws: ``PublisherError/key(path:reason:)``, ``PublisherError/unwritable(_:)``.
    package func generate(for role: String, passphrase: String?) throws(PublisherError) -> SigningKey {
        do { try Folder.make(folder, mode: 0o700) } catch { throw .unwritable(error) }
        let key = SigningKey.generate()
        let path = "\(folder)/\(role)-\(key.publicKey.keyID).pem"
        do {
            try KeyFile.write(key, to: path, passphrase: passphrase)
        } catch {
            throw SigningKeys.publisherError(error, path)
        }
        return key
    }

    /// Removes keys that were made a moment ago for a change that failed, but none that may count already: the change may have failed
    /// after its new root was written. A key file too many does no harm; a key that is lost cannot be made again.
    func discard(_ made: [SigningKey], unlessNamedIn repository: TUFRepository) {
        // A key of which that is not known is kept.
        guard let named = try? repository.namedKeys() else { return }
        discard(made.filter { !named.contains($0.publicKey.keyID) })
    }

    /// Removes keys that were made a moment ago and that nothing names, as far as that can be done: see above.
    func discard(_ made: [SigningKey]) {
        // What failed before is what the user hears of.
        for path in (try? paths(of: Set(made.map(\.publicKey.keyID)))) ?? [] { _ = try? Paths.remove(path) }
    }

    /// The keys of these ids that are in the folder.
    /// - Throws: ``PublisherError/key(path:reason:)`` for one that is there and cannot be used.
    func signers(_ ids: Set<String>) throws(PublisherError) -> [any Signer] {
        var signers: [any Signer] = []
        for path in try paths(of: ids) { signers.append(try read(path)) }
        return signers
    }

    /// Whether one of these keys is in the folder; none is opened.
    /// - Throws: ``PublisherError/key(path:reason:)`` when the folder cannot be read.
    func hasAny(of ids: Set<String>) throws(PublisherError) -> Bool { try !paths(of: ids).isEmpty }

    /// The ids of all keys in the folder; none is opened.
    /// - Throws: ``PublisherError/key(path:reason:)`` when the folder cannot be read.
    func ids() throws(PublisherError) -> Set<String> { Set(try names().compactMap { SigningKeys.id(ofFile: $0) }) }

    private func read(_ path: String) throws(PublisherError) -> SigningKey {
        do {
            return try KeyFile.read(path)
        } catch KeyFileError.needsPassphrase {
            guard let passphrase = try passphrase(path) else {
                throw .key(path: path, reason: "it is encrypted, and no passphrase was given")
            }
            do {
                return try KeyFile.read(path, passphrase: passphrase)
            } catch KeyFileError.wrongPassphrase where passphrase.isEmpty {
                throw .key(path: path, reason: "it is encrypted, and the passphrase that was given is empty")
            } catch {
                throw SigningKeys.publisherError(error, path)
            }
        } catch {
            throw SigningKeys.publisherError(error, path)
        }
    }

    private func paths(of ids: Set<String>) throws(PublisherError) -> [String] {
        try names().filter { name in SigningKeys.id(ofFile: name).map(ids.contains) ?? false }.map { "\(folder)/\($0)" }
    }

    /// None when there is no such folder: then every key is missing.
    private func names() throws(PublisherError) -> [String] {
        do { return try Folder.names(in: folder) } catch { throw .key(path: folder, reason: error.message) }
    }

    private static func id(ofFile name: String) -> String? {
        guard name.hasSuffix(".pem"), let dash = name.lastIndex(of: "-") else { return nil }
        return String(name[name.index(after: dash)...].dropLast(4))
    }

    private static func publisherError(_ error: any Error, _ path: String) -> PublisherError {
        switch error {
        case KeyFileError.file(let cause): .key(path: path, reason: cause.message)
        case let error as KeyFileError: .key(path: path, reason: error.description)
        default: .key(path: path, reason: "it is not a key of a known kind")
        }
    }
}
