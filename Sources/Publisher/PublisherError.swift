import Catalog
import Curl
import ImageIndex
import Linux
import TUF

/// Why something could not be published. The case is the policy; the program turns it into a message and an exit code.
package enum PublisherError: Error, Sendable, Equatable {
    /// The image cannot be published as it is.
    case image(path: String, ImageProblem)
    /// A file that should be read could not be.
    case unreadable(SystemCallError)
    /// A file or folder could not be written: disk full, not permitted.
    case unwritable(SystemCallError)
    /// An invalid value. `option` is what to look at, `reason` a phrase.
    case usage(option: String, reason: String)
    /// An outside program that is needed is not installed.
    case programMissing(String)
    /// An outside program failed; `message` is the last line that it wrote.
    case programFailed(String, status: Int32, message: String)
    /// A URL could not be fetched.
    case download(TransferError)
    /// No list has a digest for what a URL gives; `reason` is a phrase.
    case digest(url: String, reason: String)
    /// A list of digests is not what its vendor signed, or nobody knows; `reason` is a phrase.
    case unverified(url: String, reason: String)
    /// What a URL gave has a different digest from the one in its list.
    case otherDigest(url: String, found: String, listed: String)
    /// A recipe cannot be used; `key` is the place in it, `reason` a phrase.
    case recipe(file: String, key: String, reason: String)
    /// The image is the one of the newest version: there is nothing new.
    case unchanged(distribution: String, version: VersionID)
    /// A recipe's command made no image; `message` is the last line that it wrote.
    case buildFailed(program: String, status: Int32, message: String)
    /// A signal asked for the stop.
    case interrupted(signal: Int32)
    /// The folder is not a tree that ``PublishedTree`` made. `reason` is a phrase.
    case notATree(path: String, reason: String)
    /// The folder for a new tree holds other things, such as these.
    case notEmpty(path: String, holds: [String])
    /// Another publisher works on the tree.
    case busy(path: String)
    /// The catalog has that version already.
    case versionExists(distribution: String, version: VersionID)
    /// The catalog cannot be read.
    case catalog(path: String, CatalogError)
    /// The catalog would become one that readers refuse.
    case catalogRefused(CatalogError)
    case index(path: String, ImageIndexError)
    /// The index would be longer than readers take. `blockSize` is one with which it is not; nil where there is none.
    case indexTooLong(image: String, length: Int, limit: Int, blockSize: Int?)
    /// A private key that is needed cannot be used; `reason` is a phrase.
    case key(path: String, reason: String)
    /// The folder for private keys is published with the tree.
    case keysInTree(folder: String, tree: String)
    /// Too few keys of these roles were available to sign; nothing changed.
    case keyMissing(roles: [String])
    /// The same for a change that is kept: it waits for these roles' keys as drafts.
    case changeWaits(tree: String, roles: [String])
    /// An earlier change waits so, and nothing else can be signed before it is published or dropped.
    case earlierChangeWaits(tree: String, roles: [String])
    /// The tree's signed metadata cannot be used or changed; `reason` is a phrase.
    case metadata(reason: String)
    /// A change that cannot be signed; `reason` is a phrase.
    case refused(reason: String)
    /// There is no such version in the tree.
    case noSuchVersion(distribution: String, version: VersionID)
    /// The tree's newest timestamp has expired, or this machine's clock is wrong.
    case clock(expired: String)
    /// This machine's clock is behind the tree's last signature; nil where it cannot be right whatever the tree.
    case clockBehind(now: Timestamp, signed: Timestamp?)
    /// A version's day is ahead of the clock.
    case ahead(day: CalendarDate, today: CalendarDate)
    /// The version was withdrawn: its name is used up.
    case withdrawn(distribution: String, WithdrawnVersion)
    /// A start could not be recorded; `reason` is a phrase.
    case recordingFailed(reason: String)
    /// No guest was saved asleep; `reason` is a phrase.
    case warmFailed(reason: String)
    /// A stored block is not what its name says; `reason` is a phrase.
    case damagedBlock(path: String, reason: String)
    /// Tables of vendors that readers would refuse; phrases, each with its file.
    case tables(folder: String, problems: [String])
    /// Compression itself failed; `reason` is the library's text.
    case compression(reason: String)

    /// What is wrong with an image.
    package enum ImageProblem: Sendable, Equatable {
        case missing
        case empty
        case isDirectory
        /// Neither a file nor a block device.
        case isSpecial
        /// Something that is not a disk as it is: what it is, and what to do about it; phrases.
        case other(String, cure: String)
        /// It became another file, shorter or newer while it was read.
        case changed
    }
}

extension PublisherError {
    /// The error of an index that could not be written; a file error is about the disk, not the index.
    static func writing(_ error: ImageIndexError, _ path: String) -> PublisherError {
        if case .file(let cause) = error { return .unwritable(cause) }
        return .index(path: path, error)
    }
}

extension PublisherError {
    /// What went wrong with a tree's signed metadata.
    init(_ error: RepositoryError, tree: String) {
        switch error {
        case .file(let cause): self = .unwritable(cause)
        case .busy: self = .busy(path: tree)
        case .notARepository: self = .notATree(path: tree, reason: "it is not signed: it has no metadata")
        case .missingSignatures(let role, _): self = .keyMissing(roles: [role])
        case .waiting(let roles): self = .earlierChangeWaits(tree: tree, roles: roles)
        case .signing(let cause):
            if let own = cause as? PublisherError { self = own } else { self = .metadata(reason: "\(cause)") }
        case .damaged, .missing: self = .metadata(reason: error.description)
        case .alreadyThere, .noSuchRole, .roleExists, .unsafeName, .unreachableThreshold, .tooLong:
            self = .refused(reason: error.description)
        }
    }
}
