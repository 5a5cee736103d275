import Glibc
import Linux

/// An image as a raw file: fetched, unpacked and converted, as far as it needs it.
struct PreparedImage {
    /// The raw image; a temporary file, or the image itself.
    let path: String
    /// Temporary files beside the index; a killed publisher's are removed by the next (``StaleFiles``).
    private let temporary: String?

    /// - Parameter output: temporary files lie beside it.
    /// - Throws: ``PublisherError``; no temporary file is left then.
    init(
        _ image: String, beside output: String, digests: DigestListChoice, progress: PublishProgress,
        cancellation: Cancellation
    ) throws(PublisherError) {
        let isForeign = Downloads.isURL(image)
        var path = image
        var temporary: String?
        /// The file of the step before is of no use any more.
        func replace(by next: String) {
            if let temporary { unlink(temporary) }
            temporary = next
            path = next
        }
        do throws(PublisherError) {
            if isForeign {
                let target = AtomicFile.temporaryName(for: output)
                temporary = target
                try Downloads(cancellation: cancellation).image(image, to: target, digests: digests, progress: progress)
                path = target
            }
            // One layer: nobody publishes two, and each could be a bomb of its own.
            if let compression = Compression(head: try ImageFormat.head(of: path)) {
                let target = AtomicFile.temporaryName(for: output)
                do throws(PublisherError) {
                    try compression.unpack(path, to: target, progress: progress, cancellation: cancellation)
                } catch {
                    unlink(target)
                    throw error
                }
                replace(by: target)
            }
            if let format = try ImageFormat.detect(path, isForeign: isForeign) {
                let conversion = try ImageConversion(
                    of: path, format: format, beside: output, progress: progress, cancellation: cancellation)
                replace(by: conversion.result)
            }
        } catch {
            if let temporary { unlink(temporary) }
            throw error
        }
        self.path = path
        self.temporary = temporary
    }

    /// Removes what was made for it.
    func remove() {
        if let temporary { unlink(temporary) }
    }
}
