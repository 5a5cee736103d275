import ContentAddress
import ImageIndex

/// What a start has to fetch.
struct StartCost: Sendable, Equatable {
    /// As they travel.
    var bytes: UInt64 = 0
    var requests = 0

    /// Bytes that a request is worth beside what it brings.
    private static let request: UInt64 = 16 << 10

    /// What is compared.
    var total: UInt64 { bytes + UInt64(requests) * StartCost.request }
}

/// Where a start takes what is not here from: from blocks alone, or from a boot pack and the blocks of which that has no page.
struct BootPlan: Sendable {
    /// Nil for blocks alone.
    let pack: BootPack?
    let cost: StartCost

    /// The cheapest way.
    /// - Parameters:
    ///   - packs: what there is of the version. Of a pack against an older version nobody need know that this one is here: what is missing of
    ///     it counts as blocks.
    ///   - lacking: the boot set's blocks that are not here.
    ///   - ratio: bytes that travel for each byte of a block.
    ///   - isHere: whether a block is in the cache.
    static func cheapest(
        of packs: [BootPack], lacking: [IndexedBlock], ratio: Double, isHere: (BlockID) -> Bool
    ) -> BootPlan {
        var best = BootPlan(pack: nil, cost: cost(of: lacking, ratio))
        if lacking.isEmpty { return best }
        for pack in packs {
            var cost = cost(of: lacking.filter { !pack.hasPage(in: $0.offset..<$0.end) }, ratio)
            for piece in pack.pieces where !isHere(piece.id) {
                cost.bytes += UInt64(piece.storedSize)
                cost.requests += 1
            }
            if cost.total < best.cost.total { best = BootPlan(pack: pack, cost: cost) }
        }
        return best
    }

    private static func cost(of blocks: [IndexedBlock], _ ratio: Double) -> StartCost {
        let bytes = blocks.reduce(0) { $0 + UInt64($1.length) }
        return StartCost(bytes: compressed(bytes, ratio), requests: blocks.count)
    }

    /// Bytes that travel for so many of blocks.
    static func compressed(_ bytes: UInt64, _ ratio: Double) -> UInt64 {
        UInt64((Double(bytes) * ratio).rounded(.up))
    }

    /// Where nothing is said: a third, as of most disks.
    private static let unknownRatio = 0.33

    /// Bytes that travel for each byte of an image's blocks: a part of them is assumed to compress as well as all.
    /// - Parameters:
    ///   - storedSize: of all blocks, as the catalog has it; nil where it does not say.
    ///   - unique: bytes of the image's different blocks.
    static func ratio(storedSize: UInt64?, unique: UInt64) -> Double {
        storedSize.map { min(1, Double($0) / Double(max(1, unique))) } ?? unknownRatio
    }
}
