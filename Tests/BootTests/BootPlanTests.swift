import ContentAddress
import ImageIndex
import TestSupport
import Testing

@testable import Boot

/// What is cheapest for a start, of an image of eight blocks of 64 KiB.
@Suite struct BootPlanTests {
    private static let block = 65_536
    private let image: SmallImage
    private let blocks: [IndexedBlock]

    init() throws {
        let folder = try TemporaryDirectory()
        let image = try SmallImage("abcdefgh", blockSize: Self.block, last: Self.block, in: folder)
        self.image = image
        blocks = try (0..<8).map { try image.index.block(at: $0) }
    }

    /// A pack with four pages of each of these blocks.
    /// - Parameter stored: bytes of each piece as it travels; a piece has what two blocks give.
    private func pack(of positions: [Int], stored: Int, basis: String? = nil) throws -> BootPack {
        let runs = positions.map { PageRun(start: $0 * 16 + 3, count: 4) }
        let length = 8 * PageRun.pageSize
        let pieces = stride(from: 0, to: positions.count, by: 2).map { number in
            let id = TestPack.id(of: [UInt8(number), UInt8(positions.count), UInt8(basis?.utf8.count ?? 0)])
            return BootPack.Piece(
                id: id, length: min(length, (positions.count - number) * length / 2), storedSize: stored)
        }
        return try BootPack(
            index: FileDigest.sha256(of: []), imageSize: image.index.imageSize,
            basis: basis.map { BootPack.Basis(version: $0, index: FileDigest.sha256(of: [1])) }, runs: runs,
            pieces: pieces)
    }

    private func plan(_ packs: [BootPack], lacking: [Int], ratio: Double = 0.5, here: Set<BlockID> = []) -> BootPlan {
        BootPlan.cheapest(
            of: packs, lacking: lacking.map { blocks[$0] }, ratio: ratio, isHere: here.contains)
    }

    @Test func withoutAPackTheBlocksAreThePrice() {
        let plan = plan([], lacking: [0, 3, 4])
        #expect(plan.pack == nil)
        #expect(plan.cost == StartCost(bytes: UInt64(3 * Self.block / 2), requests: 3))
    }

    @Test func whoHasTheBlocksNeedsNoPack() throws {
        #expect(plan([try pack(of: Array(0..<8), stored: 1)], lacking: []).pack == nil)
        #expect(plan([try pack(of: Array(0..<8), stored: 1)], lacking: []).cost == StartCost())
    }

    @Test func aPackIsTakenWhereItsPiecesAndTheRestCostLess() throws {
        let pack = try pack(of: [0, 1, 2, 3, 4, 5], stored: 10_000)
        let plan = plan([pack], lacking: Array(0..<8))
        #expect(plan.pack == pack)
        // Three pieces, and the two blocks of which it has no page.
        #expect(plan.cost == StartCost(bytes: UInt64(30_000 + Self.block), requests: 5))
        #expect(self.plan([pack], lacking: [7, 6]).pack == nil, "it has no page of these")
        #expect(self.plan([pack], lacking: [0]).pack == nil, "one block is less than all pieces")
    }

    @Test func piecesThatAreHereCostNothing() throws {
        let pack = try pack(of: [0, 1, 2, 3], stored: 30_000)
        #expect(plan([pack], lacking: Array(0..<4), ratio: 0.05).pack == nil)
        let plan = plan([pack], lacking: Array(0..<4), ratio: 0.05, here: Set(pack.pieces.map(\.id)))
        #expect(plan.pack == pack)
        #expect(plan.cost == StartCost())
    }

    @Test func aRequestCountsLikeBytes() throws {
        // Four blocks of 1,000 bytes against two pieces of 3,000: fewer requests are worth more than the 2,000 bytes.
        let pack = try pack(of: [0, 1, 2, 3], stored: 3_000)
        let plan = plan([pack], lacking: Array(0..<4), ratio: 1_000 / Double(Self.block))
        #expect(plan.pack == pack)
        #expect(plan.cost == StartCost(bytes: 6_000, requests: 2))
    }

    @Test func aDifferencePackIsForWhoHasItsBasis() throws {
        let full = try pack(of: Array(0..<8), stored: 10_000)
        let difference = try pack(of: [6, 7], stored: 9_000, basis: "2026-11-09")
        // Who has the older version lacks two blocks, who has nothing all of them.
        #expect(plan([full, difference], lacking: [6, 7]).pack == difference)
        #expect(plan([difference, full], lacking: Array(0..<8)).pack == full)
        // Where there is no other, it still saves what it has.
        #expect(plan([difference], lacking: Array(0..<8)).pack == difference)
    }

    @Test func aPartOfAnImageIsAssumedToCompressAsAllOfItDoes() {
        #expect(BootPlan.ratio(storedSize: 50, unique: 100) == 0.5)
        #expect(BootPlan.ratio(storedSize: 300, unique: 100) == 1)
        #expect(BootPlan.ratio(storedSize: nil, unique: 100) < 0.5)
        #expect(BootPlan.ratio(storedSize: 0, unique: 0) == 0)
    }
}

@Suite struct PieceWindowTests {
    /// Lets pieces come over a line that is full as long as enough of them are under way.
    private func window(roundTrip: Double, rate: Double, bytes: Int = 400_000, most: Int = 32) -> Int {
        var window = PieceWindow(most: most, now: 0)
        // When each of those under way is there: the line takes them one after the other.
        var coming: [Double] = []
        var (now, free) = (0.0, 0.0)
        for _ in 0..<400 {
            while coming.count < window.count {
                free = max(free, now + roundTrip) + Double(bytes) / rate
                coming.append(free)
            }
            now = coming.removeFirst()
            window.came(bytes: bytes, wait: roundTrip, now: UInt64(now * 1e9))
        }
        return window.count
    }

    @Test func fewAreUnderWayWhereTheLineIsSlow() {
        // A piece takes longer than a round trip: with one behind it the line is full.
        #expect((3...4).contains(window(roundTrip: 0.3, rate: 5e6 / 8)))
        #expect((3...4).contains(window(roundTrip: 0.05, rate: 50e6 / 8)))
        #expect(window(roundTrip: 0.0002, rate: 1e9 / 8) == 3)
    }

    @Test func manyAreUnderWayWhereTheLineIsLong() {
        // 7.5 MB are on their way at a time.
        #expect(window(roundTrip: 0.2, rate: 300e6 / 8) >= 19)
        #expect(window(roundTrip: 0.2, rate: 300e6 / 8, most: 8) == 8)
    }

    @Test func whatIsHereSaysNothingOfTheLine() {
        var window = PieceWindow(most: 32, now: 0)
        for now in 1...50 { window.came(bytes: 0, wait: nil, now: UInt64(now)) }
        #expect(window.count == 3)
        #expect(PieceWindow(most: 1, now: 0).count == 1)
        #expect(PieceWindow(most: 0, now: 0).count == 1)
    }
}
