import Formats
import TUF

/// Digests that vendors publish in JSON documents of their own: Debian's builds, CoreOS's streams, Oracle's templates, GitLab's packages.
///
/// An object's digest is a member `sha256`, `sha512`, `file_sha256` or `sha256_sum`, in hexadecimal, or Debian's annotation, in base64
/// without padding; it is of what the object's `location`, `image`, `link`, `file_name` or `data.ref` names.
enum JSONDigests {
    private static let digestMembers = ["sha512", "sha256", "file_sha256", "sha256_sum"]
    private static let nameMembers = ["location", "image", "link", "file_name"]
    private static let debianAnnotation = "cloud.debian.org/digest"
    private static let deepest = 32

    /// The digests in a document, lower-case hexadecimal, with the paths or URLs that they are of; none when it is no JSON, or could be
    /// understood in two ways.
    static func entries(of text: String) -> [(name: String, digest: String)] {
        let bytes = Array(text.utf8.drop { [0xEF, 0xBB, 0xBF].contains($0) })
        // A page that is no JSON has no digests, as any other page.
        guard let document = try? JSONParser.parseAny(bytes, maximumLength: DigestList.longest) else { return [] }
        var entries: [(name: String, digest: String)] = []
        collect(document, depth: 0, into: &entries)
        return entries
    }

    private static func collect(_ value: JSONValue, depth: Int, into entries: inout [(name: String, digest: String)]) {
        guard depth < deepest else { return }
        for value in value.array ?? [] { collect(value, depth: depth + 1, into: &entries) }
        guard let object = value.object else { return }
        let name = nameMembers.lazy.compactMap { object[$0]?.string }.first
        let digest = digestMembers.lazy.compactMap { object[$0]?.string }.first { isDigest($0) }
        if let name, let digest { entries.append((name, digest.lowercased())) }
        if let entry = debian(object) { entries.append(entry) }
        for member in object.entries { collect(member.value, depth: depth + 1, into: &entries) }
    }

    /// An item of a build of Debian's cloud images: `metadata.annotations` has the digest, `data.ref` the path.
    private static func debian(_ object: NameTable<JSONValue>) -> (name: String, digest: String)? {
        guard let digest = object["metadata"]?.object?["annotations"]?.object?[debianAnnotation]?.string,
            let path = object["data"]?.object?["ref"]?.string
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
