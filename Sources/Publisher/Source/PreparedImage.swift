import Curl
import Formats
import Linux
import Upstream

/// An image as a raw file: fetched, unpacked and converted, as far as it needs it.
struct PreparedImage {
    /// The raw image; a temporary file, or the image itself.
    let path: String
    /// Bytes of the file that are the image.
    let size: UInt64
    /// Temporary files beside the index; a killed publisher's are removed by the next (``StaleFiles``).
    private let temporary: String?
    /// Of a vendor's file that stays as it is; nil for a raw image.
    let format: DiskFormat?
    /// Whether the raw image is the disk in a qcow2 file that is read where it lies.
    let isInPlace: Bool

    /// Steps from what was given to the raw disk: a VMDK in a tar in a gzip is three.
    private static let mostLayers = 6

    /// - Parameter output: temporary files lie beside it.
    /// - Throws: ``PublisherError``; no temporary file is left then.
    init(
        _ image: String, beside output: String, options: PublishOptions, progress: PublishProgress,
        cancellation: Cancellation
    ) throws(PublisherError) {
        var layers = Layers(
            image: image, output: output, path: image, progress: progress, cancellation: cancellation)
        do throws(PublisherError) {
            if layers.isForeign {
                try layers.replace { (target) throws(PublisherError) in
                    try Downloads(cancellation: cancellation).image(
                        image, to: target, digests: options.digests, signed: options.signed, progress: progress)
                }
            }
            var size: UInt64?
            if options.vendorFile != nil {
                let source = try ImageSource(path: layers.path)
                (format, size) = (try VendorFile.format(of: source), source.size)
            } else {
                format = nil
                if options.isAnyFile { size = try ImageSource(path: layers.path).size }
            }
            for layer in 0...PreparedImage.mostLayers where size == nil {
                if layer == PreparedImage.mostLayers {
                    throw PublisherError.image(
                        path: layers.shown,
                        .other("wrapped in more than six layers", cure: "unpack it, and give the disk image"))
                }
                size = try layers.takeOff()
            }
            self.size = size ?? 0
        } catch {
            // A temporary file that stays is removed by the next run.
            if let temporary = layers.temporary { _ = try? Paths.remove(temporary) }
            // The name of a temporary file means nothing to the user.
            if case .image(_, let problem) = error { throw .image(path: layers.shown, problem) }
            throw error
        }
        path = layers.path
        temporary = layers.temporary
        isInPlace = false
    }

    /// A qcow2 file of the publisher's own that stays as it is.
    /// - Throws: ``PublisherError``; what is damaged, cut off or in use is refused, as where it is converted.
    init(inPlace image: String, cancellation: Cancellation) throws(PublisherError) {
        _ = try ImageConversion(of: image, name: "qcow2", isForeign: false, cancellation: cancellation)
        (path, size, temporary, format, isInPlace) = (image, try ImageSource(path: image).size, nil, nil, true)
    }

    /// Removes what was made for it.
    func remove() {
        // As above.
        if let temporary { _ = try? Paths.remove(temporary) }
    }
}

/// The work on one image.
private struct Layers {
    let image: String
    let output: String
    var path: String
    var temporary: String?
    let progress: PublishProgress
    let cancellation: Cancellation

    var isForeign: Bool { URLText.isURL(image) }
    var shown: String { isForeign ? URLText.public(image) : image }

    /// Looks at what the file contains, and removes one layer.
    /// - Returns: the bytes of the raw image once there is no layer left.
    mutating func takeOff() throws(PublisherError) -> UInt64? {
        let (path, shown, progress, cancellation) = (path, shown, progress, cancellation)
        switch try ImageContents(of: try ImageSource(path: path)) {
        case .raw(let size): return size
        case .other(let what, let cure): throw .image(path: shown, .other(what, cure: cure))
        case .compressed(let compression):
            try replace { (target) throws(PublisherError) in
                try compression.unpack(path, to: target, progress: progress, cancellation: cancellation)
            }
        case .archive(let archive):
            try replace { (target) throws(PublisherError) in
                try archive.unpack(path, shownAs: shown, to: target, progress: progress, cancellation: cancellation)
            }
        case .disk(let name):
            // A file of the publisher's own may name others, where it lies; what was unpacked or fetched may not.
            let conversion = try ImageConversion(
                of: path, name: name, isForeign: isForeign || temporary != nil, cancellation: cancellation)
            try replace { (target) throws(PublisherError) in
                try conversion.write(to: target, progress: progress, cancellation: cancellation)
            }
        }
        return nil
    }

    /// Makes the next file; the one of the step before is of no use any more.
    mutating func replace(by make: (String) throws(PublisherError) -> Void) throws(PublisherError) {
        let target = AtomicFile.temporaryName(for: output)
        do throws(PublisherError) {
            try make(target)
        } catch {
            // As in `PreparedImage.init`.
            _ = try? Paths.remove(target)
            throw error
        }
        // As in `PreparedImage.init`.
        if let temporary { _ = try? Paths.remove(temporary) }
        temporary = target
        path = target
    }
}
