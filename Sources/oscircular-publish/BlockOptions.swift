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

    @Option(help: "zstd's level for new blocks that a start will probably read, by the boot set of an earlier version.")
    var bootCompression = PublishOptions.standardBootCompressionLevel

    @Option(help: "The list of digests for an image from a URL: a URL, a name beside it, or none.")
    var sums: String?

    /// - Throws: ``PublisherError/usage(option:reason:)``.
    func options(_ algorithm: DigestAlgorithm = .sha256) throws -> PublishOptions {
        var options = try PublishOptions(
            blockSize: blockSize, algorithm: algorithm, compressionLevel: compression,
            bootCompressionLevel: bootCompression)
        options.digests = DigestListChoice(sums)
        return options
    }
}

/// The options of an image that its vendor goes on serving, and of what its vendor signs.
struct VendorFileOptions: ParsableArguments {
    @Flag(help: "Publish the index of the file at the URL, and none of its blocks: readers stream them from there.")
    var indexOnly = false

    @Flag(help: "With --index-only: store the blocks as well, for when the vendor has the file no longer.")
    var keepBlocks = false

    @Option(help: "With --index-only: another URL of the same file; may be given several times.")
    var mirror: [String] = []

    @Option(help: "With --index-only: the vendor's own name of the build, for people.")
    var build: String?

    @Option(
        help: ArgumentHelp(
            "The vendor's signature of the list of digests: a URL, a name beside the list, or inside.",
            discussion: "By default the list's name and .gpg, .asc, .sig, .sign or .minisig."))
    var signature: String?

    @Option(help: "openpgp, minisign or signify.")
    var signatureKind: String?

    @Option(help: "The fingerprint of the vendor's OpenPGP key, or its whole public key of the other kinds.")
    var key: String?

    @Option(name: .customLong("key-url"), help: "Where that OpenPGP key is fetched.")
    var keyURL: String?

    /// - Throws: ``PublisherError/usage(option:reason:)``.
    func signed() throws(PublisherError) -> SignedDigests? {
        try SignedDigests.choice(place: signature, kind: signatureKind, key: key, keyURL: keyURL)
    }

    /// - Throws: ``PublisherError/usage(option:reason:)``.
    func file() throws(PublisherError) -> VendorFile? {
        guard indexOnly else {
            guard !keepBlocks, mirror.isEmpty, build == nil else {
                throw .usage(
                    option: "--index-only", reason: "is missing: --keep-blocks, --mirror and --build go with it")
            }
            return nil
        }
        return VendorFile(keepsBlocks: keepBlocks, mirrors: mirror, build: build)
    }
}

/// What was published, in a few lines.
enum Summary {
    static func lines(_ image: PublishedImage, keepsBlocks: Bool = true) -> [String] {
        let seconds = Double(image.nanoseconds) / 1e9
        let rate = UInt64(Double(image.size) / max(seconds, 0.001))
        let kept = image.distinctBlocks - image.newBlocks
        let taken =
            image.takenBlocks > 0 ? ["changed: \(image.takenBlocks) blocks are unchanged and were not read"] : []
        return taken + [
            "image:   \(image.size) bytes (\(ByteCount.precise(image.size)))",
            "blocks:  \(image.blocks) of \(image.blockSize) bytes, \(image.distinctBlocks) unique, "
                + "\(image.zeroBlocks) holes (\(image.unreadBlocks) not read)",
            keepsBlocks
                ? "stored:  \(image.newBlocks) new blocks, \(ByteCount.precise(image.newBytes)); \(kept) were there"
                : "stored:  no block; readers have them from the vendor",
            "time:    \(Int(seconds)).\(Int(seconds * 10) % 10) s, \(ByteCount.precise(rate))/s",
        ]
    }
}
