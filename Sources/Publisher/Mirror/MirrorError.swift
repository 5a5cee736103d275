import ContentAddress
import Curl
import ObjectStore

/// Why a copy of a tree was not made or not completed. What was copied is kept, and the next run continues from there.
package enum MirrorError: Error, Sendable {
    /// The place is neither a URL nor a folder that could be a tree. `reason` is a phrase.
    case place(String, reason: String)
    /// The source's metadata is not trusted. `reason` is a phrase.
    case untrusted(source: String, reason: String)
    /// The source did not answer.
    case unreachable(source: String, reason: String)
    /// The copy holds another publisher's tree than the source.
    case otherTree(destination: String)
    /// What the copy has in place of its first root is not metadata.
    case notMetadata(destination: String)
    /// The tree has no such distribution.
    case noSuchDistribution(String)
    /// Files of the source are missing or damaged, so the copy's catalog was not renewed.
    case incomplete(source: String, problems: [String])
    /// No access keys for the object store are set.
    case noCredentials
    case objectStore(ObjectStoreError)
}
