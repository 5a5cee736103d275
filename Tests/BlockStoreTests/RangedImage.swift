import BlockStore
import ContentAddress
import Curl
import TestSupport

/// A file of a few pieces with made-up ids, as a vendor's server has it.
struct RangedImage: Sendable {
    let bytes: [UInt8]
    let length: Int
    let key: PieceKey
    let ledgerPath: String

    init(pieces: Int = 8, length: Int = 16_384, seed: UInt64 = 1, in folder: TemporaryDirectory) {
        var random = SeededRandom(seed: seed)
        // The last is shorter, as in most files.
        bytes = random.bytes((pieces - 1) * length + length / 3)
        self.length = length
        key = PieceKey(url: "https://vendor.example/disk.img", size: UInt64(bytes.count), time: "\(seed)")
        ledgerPath = folder.path("ledger-\(seed)")
    }

    var count: Int { (bytes.count - 1) / length + 1 }
    var places: PiecePlaces {
        PiecePlaces(Dictionary(uniqueKeysWithValues: (0..<count).map { (key.id(of: $0), UInt64($0 * length)) }))
    }
    var ids: [BlockID] { (0..<count).map(key.id) }

    func piece(_ number: Int) -> [UInt8] { Array(bytes[(number * length)..<min((number + 1) * length, bytes.count)]) }

    func ledger() throws -> PieceLedger {
        try PieceLedger(path: ledgerPath, key: key, fileSize: UInt64(bytes.count), pieceLength: length)
    }

    func request(_ number: Int, _ ledger: PieceLedger, _ priority: BlockRequest.Priority = .demand) -> BlockRequest {
        BlockRequest(
            id: key.id(of: number), length: piece(number).count, algorithm: .sha256, priority: priority, ledger: ledger)
    }

    func store(
        _ url: String, isVerified: Bool = false, isOnly: Bool = true, pinned: PinnedURL? = nil,
        queue: TransferQueue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))
    ) -> RangeBlockStore {
        RangeBlockStore(
            RangedPlace(TransferPlace(url), pinned: pinned), size: UInt64(bytes.count), pieces: places,
            isVerified: isVerified, isOnly: isOnly, queue: queue)
    }
}

extension BlockStoreError {
    /// What was wrong with the place's answer; nil where something else was.
    var fault: RangeFault? { if case .unreachable(_, let cause) = self { cause as? RangeFault } else { nil } }
}
