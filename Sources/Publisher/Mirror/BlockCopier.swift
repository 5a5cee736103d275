import BlockStore
import ContentAddress

/// Brings blocks from a tree to a copy of it, several at a time, each verified before it is written.
struct BlockCopier: Sendable {
    let source: MirrorSource
    let destination: any MirrorDestination
    /// Blocks at the same time.
    let jobs: Int
    let progress: PublishProgress

    /// What came of it. A block that is missing or damaged at the source is left out, and the others are copied all the same.
    struct Outcome: Sendable {
        var copied: [BlockID] = []
        var bytes: UInt64 = 0
        /// Blocks that could not be copied.
        var failures: [BlockID: BlockStoreError] = [:]
    }

    /// Blocks that fail before the rest is given up: then it is the source that is broken, not a block.
    private static let patience = 100

    /// - Throws: what the destination throws; ``PublisherError/interrupted(signal:)``; ``MirrorError/unreachable(source:reason:)``.
    func copy(_ blocks: [WantedBlock]) async throws -> Outcome {
        try await withThrowingTaskGroup(of: (WantedBlock, Result<Int, BlockStoreError>).self) { group in
            var (outcome, waiting) = (Outcome(), blocks[...])
            func start() {
                guard let block = waiting.popFirst() else { return }
                group.addTask {
                    do {
                        let bytes = try await source.block(block)
                        try await destination.write(bytes, to: TreePath.block(block.id))
                        return (block, .success(bytes.count))
                    } catch let error as BlockStoreError {
                        return (block, .failure(error))
                    }
                }
            }
            for _ in 0..<max(1, jobs) { start() }
            for try await (block, result) in group {
                progress.add(UInt64(block.length))
                switch result {
                case .success(let count):
                    outcome.copied.append(block.id)
                    outcome.bytes += UInt64(count)
                case .failure(.unreachable(let place, let cause)):
                    throw MirrorError.unreachable(source: source.name, reason: "\(place): \(cause)")
                case .failure(let error):
                    outcome.failures[block.id] = error
                    if outcome.failures.count >= BlockCopier.patience { waiting = [] }
                }
                start()
            }
            return outcome
        }
    }
}
