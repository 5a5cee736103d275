import Publisher

/// What was published, in a few lines.
enum Summary {
    static func lines(_ image: PublishedImage) -> [String] {
        let seconds = Double(image.nanoseconds) / 1e9
        let rate = UInt64(Double(image.size) / max(seconds, 0.001))
        let kept = image.distinctBlocks - image.newBlocks
        return [
            "image:   \(image.size) bytes (\(Quantity.bytes(image.size)))",
            "blocks:  \(image.blocks) of \(image.blockSize) bytes, \(image.distinctBlocks) unique, "
                + "\(image.zeroBlocks) holes (\(image.unreadBlocks) not read)",
            "stored:  \(image.newBlocks) new blocks, \(Quantity.bytes(image.newBytes)); \(kept) were there",
            "time:    \(Int(seconds)).\(Int(seconds * 10) % 10) s, \(Quantity.bytes(rate))/s",
        ]
    }
}
