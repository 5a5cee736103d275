import Catalog
import Curl
import Linux

extension TreeContents {
    /// Finds what an image was made from.
    /// - Parameters:
    ///   - since: what the user says of it.
    ///   - isVendors: whether the image stays a vendor's file.
    ///   - distribution: the image's; nil where it is new.
    /// - Throws: ``PublisherError``; ``PublisherError/usage(option:reason:)`` where the tree has no version of it, or nobody can tell.
    func earlierImage(
        _ since: ChangedSince, of image: String, isVendors: Bool, _ distribution: Distribution?
    ) throws(PublisherError) -> EarlierImage {
        guard !isVendors, !URLText.isURL(image) else {
            throw EarlierImage.refusal("\(URLText.public(image)) is not a file of this machine")
        }
        let version: DistributionVersion
        let trace: EarlierImage.Trace
        switch try ImageContents(of: try ImageSource(path: image)) {
        case .disk("qcow2"):
            version = try self.version(since.what, distribution)
            trace = .bitmap(since.what)
        case .raw:
            let earlier = try ImageSource(path: since.what)
            version = try self.version(madeOf: earlier, distribution)
            trace = .file(since.what, earlier.identity)
        default: throw EarlierImage.refusal("\(image) is neither a raw image nor a qcow2")
        }
        guard version.source == nil, let index = path(of: version.index), try isAsSigned(version.index) else {
            throw EarlierImage.refusal("the index of \(version.id) is damaged or missing")
        }
        return EarlierImage(
            trace: trace, index: index, name: "\(distribution?.id ?? "")@\(version.id)", isVerified: since.isVerified)
    }

    /// A bitmap has the name of the version that the disk was when it was added.
    private func version(
        _ name: String, _ distribution: Distribution?
    ) throws(PublisherError) -> DistributionVersion {
        guard let id = VersionID(name), let version = distribution?.version(id) else {
            throw EarlierImage.refusal(
                "\(name.debugDescription) is no version of the tree: a bitmap has the name of the version that the disk was"
            )
        }
        return version
    }

    private func version(
        madeOf earlier: ImageSource, _ distribution: Distribution?
    ) throws(PublisherError) -> DistributionVersion {
        guard let mark = ImageMark(of: earlier) else {
            throw EarlierImage.refusal(
                "it is not known that \(earlier.path) was published: 'add' notes that beside its bytes, and it must not be "
                    + "written to since")
        }
        guard let version = distribution?.versions.first(where: { file($0.index)?.sha256 == mark.index.hex }) else {
            throw EarlierImage.refusal("\(earlier.path) was published as something that this tree does not have now")
        }
        return version
    }
}
