import BlockStore
import Glibc
import Synchronization

/// Goes through an image's blocks on all processors.
struct BlockLoop: Sendable {
    let reading: BlockReading
    let blockSize: Int
    let imageSize: UInt64
    let progress: PublishProgress
    let cancellation: Cancellation

    var count: Int { Int((imageSize - 1) / UInt64(blockSize)) + 1 }

    /// Calls what `worker` makes, one for each thread, with every block once.
    /// - Throws: the first ``PublisherError``; the others stop then.
    func run(
        _ worker: @escaping @Sendable () throws(PublisherError) -> (Int, ReadRun) throws(PublisherError) -> Void
    ) throws(PublisherError) {
        let position = Shared()
        let threads = max(1, min(count, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let queue = RunQueue(runs: 0, capacity: 0, workers: threads)
        for number in 0..<threads {
            queue.startWorker(name: "blocks-\(number)") { () throws(PublisherError) in
                let work = try worker()
                let decoder = ChunkDecoder()
                let run = ReadRun(capacity: blockSize)
                while true {
                    let next = position.next.add(1, ordering: .relaxed).oldValue
                    guard next < count else { return }
                    try cancellation.check()
                    run.firstBlock = next
                    run.count = Int(min(UInt64(blockSize), imageSize - UInt64(next) * UInt64(blockSize)))
                    try reading.read(next, into: run.space, decoder)
                    try work(next, run)
                    progress.add(UInt64(run.count))
                }
            }
        }
        try queue.finish()
    }

    private final class Shared: Sendable {
        let next = Atomic<Int>(0)
    }
}
