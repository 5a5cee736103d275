import ArgumentParser
import ContentAddress
import Formats
import Publisher
import Upstream

/// The options of all commands that publish an image.
struct BlockOptions: ParsableArguments {
    @Option(help: "Bytes of a block: a multiple of 512 from 4096 to 16777216.")
    var blockSize = 262_144

    @Option(help: "zstd's level.")
    var compression = PublishOptions.standardCompressionLevel

    @Option(help: "The list of digests for an image from a URL: a URL, a name beside it, or none.")
    var sums: String?

    /// - Throws: ``PublisherError/usage(option:reason:)``.
    func options(_ algorithm: DigestAlgorithm = .sha256) throws -> PublishOptions {
        var options = try PublishOptions(blockSize: blockSize, algorithm: algorithm, compressionLevel: compression)
        options.digests = DigestListChoice(sums)
        return options
    }
}

/// What was published, in a few lines.
enum Summary {
    static func lines(_ image: PublishedImage) -> [String] {
        let seconds = Double(image.nanoseconds) / 1e9
        let rate = UInt64(Double(image.size) / max(seconds, 0.001))
        let kept = image.distinctBlocks - image.newBlocks
        return [
            "image:   \(image.size) bytes (\(ByteCount.precise(image.size)))",
            "blocks:  \(image.blocks) of \(image.blockSize) bytes, \(image.distinctBlocks) unique, "
                + "\(image.zeroBlocks) holes (\(image.unreadBlocks) not read)",
            "stored:  \(image.newBlocks) new blocks, \(ByteCount.precise(image.newBytes)); \(kept) were there",
            "time:    \(Int(seconds)).\(Int(seconds * 10) % 10) s, \(ByteCount.precise(rate))/s",
        ]
    }
}
