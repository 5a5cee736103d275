import ContentAddress

/// What `add` notes beside a raw image that it has published: the index that it became, and how the file looked. So an image that was made
/// from it can be told from one that only looks alike.
struct ImageMark: Equatable {
    private static let name = "user.oscircular.published"
    private static let version = "1"

    let index: FileDigest
    let identity: ImageSource.Identity

    /// Reads what is noted of a file; nil where nothing is, or it was written to since.
    init?(of source: ImageSource) {
        guard let text = source.note(ImageMark.name) else { return nil }
        let words = text.split(separator: " ")
        guard words.count == 4, words[0] == ImageMark.version, let index = FileDigest("\(words[1])"),
            let size = Int(words[2]), let modified = Int64(words[3])
        else { return nil }
        self.init(index: index, identity: ImageSource.Identity(size: size, modified: modified))
        guard identity == source.identity else { return nil }
    }

    init(index: FileDigest, identity: ImageSource.Identity) { (self.index, self.identity) = (index, identity) }

    /// Notes it, unless the file was written to since it was published, or its owner or file system lets nobody.
    func write(to path: String) {
        // As above: without it all of the image is read the next time.
        guard let source = try? ImageSource(path: path), source.identity == identity else { return }
        source.setNote(ImageMark.name, "\(ImageMark.version) \(index) \(identity.size) \(identity.modified)")
    }
}
