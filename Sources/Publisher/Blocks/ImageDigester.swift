import ContentAddress
import Linux
import Synchronization

/// The digest of a whole image. It can only be computed from the first byte to the last, so a thread of its own does, beside the
/// workers, and not before it is wanted: an image that turns out to be a known one has a known digest.
final class ImageDigester: Sendable {
    private struct State: Sendable {
        var isAbandoned = false
        /// Bytes that are hashed.
        var done: UInt64 = 0
        var result: Result<FileDigest, PublisherError>?
    }

    private static let runSize = 1_048_576
    /// Zeros that are hashed at once: they stay in the processor's nearest cache.
    private static let zeroRun = 16_384

    private let source: ImageSource
    private let state = Monitor(State())
    private let isStarted = Atomic(false)

    init(source: ImageSource) { self.source = source }

    deinit { state.change { $0.isAbandoned = true } }

    /// Starts at the first call. The image is read a second time, from memory as a rule: the workers are not far ahead.
    func start() {
        guard !isStarted.load(ordering: .relaxed), !isStarted.exchange(true, ordering: .relaxed) else { return }
        do throws(SystemCallError) {
            try WorkerThread.start(name: "digest") { [source, state] in
                do throws(PublisherError) {
                    let digest = try ImageDigester.digest(of: source, state)
                    state.change { $0.result = .success(digest) }
                } catch {
                    state.change { $0.result = .failure(error) }
                }
            }
        } catch {
            state.change { $0.result = .failure(.unreadable(error)) }
        }
    }

    /// Waits for the digest, and says how far it is: the blocks of a hole are known at once, but its zeros are hashed one by one.
    /// - Throws: ``PublisherError``.
    func finish(_ progress: PublishProgress, _ cancellation: Cancellation) throws(PublisherError) -> FileDigest {
        let before = state.change { $0.done }
        start()
        progress.begin(.digest, total: source.size - before)
        while true {
            progress.reach(state.change { $0.done } - before)
            let soon = MonotonicClock.nanoseconds + 100_000_000
            if let result = state.wait(until: { _ in soon }, { $0.result }) { return try result.get() }
            try cancellation.check()
        }
    }

    private static func digest(
        of source: ImageSource, _ state: Monitor<State>
    ) throws(PublisherError) -> FileDigest {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: runSize, alignment: 4096)
        defer { buffer.deallocate() }
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: zeroRun, alignment: 4096)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var hasher = FileHasher()
        var offset: UInt64 = 0
        while offset < source.size {
            let data = source.data(from: offset) ?? source.size..<source.size
            while offset < data.upperBound {
                let isAbandoned = state.change { state in
                    state.done = offset
                    return state.isAbandoned
                }
                if isAbandoned { throw .interrupted(signal: 0) }
                let isHole = offset < data.lowerBound
                let end = min(isHole ? data.lowerBound : data.upperBound, offset + UInt64(runSize))
                if isHole {
                    while offset < end {
                        let count = min(zeroRun, Int(end - offset))
                        hasher.update(UnsafeRawBufferPointer(rebasing: zeros[..<count]))
                        offset += UInt64(count)
                    }
                } else {
                    let run = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(end - offset)])
                    try source.read(into: run, at: offset)
                    hasher.update(UnsafeRawBufferPointer(run))
                    offset = end
                }
            }
        }
        return hasher.finalize()
    }
}
