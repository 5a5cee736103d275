import Catalog
import Curl
import DiskImage
import Formats
import Linux

/// A vendor's file that is published as it is: the tree has its index, and readers have its bytes from the vendor.
package struct VendorFile: Sendable {
    /// Whether the tree has its blocks as well, for the day when the vendor has the file no longer.
    package var keepsBlocks: Bool
    /// Further URLs of the same file.
    package var mirrors: [String]
    /// The vendor's own name of the build.
    package var build: String?

    package init(keepsBlocks: Bool = false, mirrors: [String] = [], build: String? = nil) {
        (self.keepsBlocks, self.mirrors, self.build) = (keepsBlocks, mirrors, build)
    }

    /// What a catalog says of the file.
    /// - Parameter url: where it was fetched from.
    func source(of published: PublishedImage, _ url: String) -> VersionSource {
        VersionSource(
            urls: [url] + mirrors.filter { $0 != url }, format: published.format ?? .raw, size: published.size,
            digests: published.digest.map { [$0.description] } ?? [], trust: .blocks, build: build)
    }

    /// Refuses what cannot be made public, before any work is done.
    /// - Throws: ``PublisherError/usage(option:reason:)``.
    func check(_ url: String) throws(PublisherError) {
        guard URLText.isURL(url) else {
            throw .usage(
                option: "--index-only", reason: "\(url) is not a URL, and readers have the file's bytes from there")
        }
        for url in [url] + mirrors where url != URLText.public(url) || !URLText.isURL(url) {
            throw .usage(
                option: "--index-only",
                reason:
                    "\(URLText.public(url)) is no plain URL: a catalog names no user, query or fragment, which may be "
                    + "a secret")
        }
    }

    /// What readers decode the file as.
    /// - Throws: ``PublisherError/image(path:_:)`` for what they cannot read while it arrives.
    static func format(of source: ImageSource) throws(PublisherError) -> DiskFormat {
        let head = try source.bytes(at: 0, count: DiskInspection.prefixLength)
        let cure = "publish it without --index-only, which unpacks and converts it"
        guard let format = DiskInspection(prefix: head, claimed: .raw, fileSize: source.size).format else {
            if case .other(let what, let cure) = try ImageContents(of: source) {
                throw .image(path: source.path, .other(what, cure: cure))
            }
            throw .image(path: source.path, .other("not in a format that can be read while it arrives", cure: cure))
        }
        if format == .raw, case let contents = try ImageContents(of: source), contents != .raw(size: source.size) {
            if case .other(let what, let cure) = contents { throw .image(path: source.path, .other(what, cure: cure)) }
            throw .image(path: source.path, .other("not in a format that can be read while it arrives", cure: cure))
        }
        do {
            // As readers do: what they would refuse is not published.
            _ = try format.layout(of: source)
            return format
        } catch let error as DiskImageError {
            throw .image(path: source.path, .other("a file that cannot be read while it arrives: \(error)", cure: cure))
        } catch let error as PublisherError {
            throw error
        } catch {
            throw .image(path: source.path, .other("a file that cannot be read: \(error)", cure: cure))
        }
    }
}

extension ImageSource: DiskFile {
    func bytes(in range: Range<UInt64>) throws -> [UInt8] {
        try bytes(at: range.lowerBound, count: Int(range.upperBound - range.lowerBound))
    }
}
