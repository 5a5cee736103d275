import BlockStore
import ContentAddress
import Curl
import ImageIndex
import Linux
import TestSupport

@testable import Boot

/// A vendor's file of some pieces, its made-up index and its ledger, as a session has them.
struct VendorFile {
    static let piece = BlockSize.standard

    let bytes: [UInt8]
    let key: PieceKey
    let index: ImageIndex
    let indexPath: String
    let ledgers: LedgerFolder
    let cachePath: String

    init(pieces: Int, seed: UInt64 = 1, in folder: TemporaryDirectory) throws {
        var random = SeededRandom(seed: seed)
        bytes = random.bytes((pieces - 1) * VendorFile.piece + 77_777)
        key = PieceKey(digest: "sha256:of seed \(seed)")
        indexPath = folder.path("file-\(seed).caibx")
        try ImageIndexWriter.write(pieces: key, fileSize: UInt64(bytes.count), to: indexPath)
        index = try ImageIndex(path: indexPath)
        ledgers = LedgerFolder(path: try folder.makeFolder("ledgers"))
        cachePath = try folder.makeFolder("cache")
    }

    var sha256: String { FileDigest.sha256(of: bytes).description }
    var sha512: String {
        var sum = FileChecksum(digits: 128)
        bytes.withUnsafeBytes { sum?.update($0) }
        return "sha512:\(sum?.hex ?? "")"
    }

    /// As each process opens it for itself.
    func ledger() throws -> PieceLedger {
        try PieceLedger(path: ledgers.path(of: key), key: key, fileSize: UInt64(bytes.count))
    }

    func cache() -> BlockCache { BlockCache(directory: cachePath, limit: .bytes(1 << 30), ledgers: ledgers) }

    func piece(_ number: Int) -> [UInt8] {
        Array(bytes[(number * VendorFile.piece)..<min((number + 1) * VendorFile.piece, bytes.count)])
    }

    func request(_ number: Int, _ ledger: PieceLedger?) -> BlockRequest {
        BlockRequest(id: key.id(of: number), length: piece(number).count, algorithm: .sha256, ledger: ledger)
    }

    func stores(
        _ urls: [String], _ cache: BlockCache, _ ledger: PieceLedger?, pinned: PinnedURL? = nil,
        policy: RetryPolicy = .rounds(2), failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) throws -> BlockStores {
        try BlockStores(
            file: RangedFile(
                size: UInt64(bytes.count),
                places: urls.enumerated().map { RangedPlace(TransferPlace($1), pinned: $0 == 0 ? pinned : nil) }),
            index: index, ledger: ledger, cache: cache,
            transfers: TransferQueue(options: TransferOptions(stallSeconds: 3, connectSeconds: 2)), policy: policy,
            failures: failures)
    }
}
