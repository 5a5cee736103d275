import Formats
import Foundation

/// Digests that vendors publish in JSON documents of their own: Debian's builds, CoreOS's streams, Oracle's templates, GitLab's packages.
///
/// An object's digest is a member `sha256`, `sha512`, `file_sha256` or `sha256_sum`, in hexadecimal, or Debian's annotation, in base64
/// without padding; it is of what the object's `location`, `image`, `link`, `file_name` or `data.ref` names.
enum JSONDigests {
    private static let digestMembers = ["sha512", "sha256", "file_sha256", "sha256_sum"]
    private static let nameMembers = ["location", "image", "link", "file_name"]
    private static let debianAnnotation = "cloud.debian.org/digest"
    private static let deepest = 32

    /// The digests in a document, lower-case hexadecimal, with the paths or URLs that they are of; none when it is no JSON.
    static func entries(of text: String) -> [(name: String, digest: String)] {
        // A page that is no JSON has no digests, as any other page.
        guard let document = try? JSONSerialization.jsonObject(with: Data(text.utf8)) else { return [] }
        var entries: [(name: String, digest: String)] = []
        collect(document, depth: 0, into: &entries)
        return entries
    }

    private static func collect(_ value: Any, depth: Int, into entries: inout [(name: String, digest: String)]) {
        guard depth < deepest else { return }
        if let values = value as? [Any] {
            for value in values { collect(value, depth: depth + 1, into: &entries) }
        } else if let object = value as? [String: Any] {
            let name = nameMembers.lazy.compactMap { object[$0] as? String }.first
            let digest = digestMembers.lazy.compactMap { object[$0] as? String }.first { isDigest($0) }
            if let name, let digest { entries.append((name, digest.lowercased())) }
            if let entry = debian(object) { entries.append(entry) }
            for (_, value) in object.sorted(by: { $0.key < $1.key }) {
                collect(value, depth: depth + 1, into: &entries)
            }
        }
    }

    /// An item of a build of Debian's cloud images: `metadata.annotations` has the digest, `data.ref` the path.
    private static func debian(_ object: [String: Any]) -> (name: String, digest: String)? {
        guard let metadata = object["metadata"] as? [String: Any],
            let annotations = metadata["annotations"] as? [String: Any],
            let digest = annotations[debianAnnotation] as? String, let data = object["data"] as? [String: Any],
            let path = data["ref"] as? String
        else { return nil }
        let parts = digest.split(separator: ":", maxSplits: 1)
        let lengths = ["sha512": 64, "sha256": 32]
        guard parts.count == 2, let length = lengths[String(parts[0])],
            let bytes = Base64.bytes(parts[1], padded: parts[1].hasSuffix("=")), bytes.count == length
        else { return nil }
        return (path, Hexadecimal.string(of: bytes))
    }

    private static func isDigest(_ text: String) -> Bool {
        (text.utf8.count == 64 || text.utf8.count == 128) && Hexadecimal.bytes(text) != nil
    }
}
