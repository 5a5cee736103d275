import Curl
import Linux

/// One request for pieces that lie side by side, while its answer comes.
// @unchecked: after it is made only the queue's thread touches it, which calls the sink and the completion.
final class RangeFlight: @unchecked Sendable {
    /// Of what was asked; once it has answered, of what was pinned by that.
    var generation: Int
    let isPrefetch: Bool
    let range: Range<UInt64>
    private let lengths: [Int]
    private var piece = 0
    private var buffer: UnsafeMutableRawBufferPointer
    private var filled = 0
    /// Why the answer was not taken.
    var fault: RangeFault?
    private(set) var head: TransferHead?
    /// In ``MonotonicClock`` nanoseconds: when its first byte came.
    private(set) var begun: UInt64?
    private(set) var received = 0

    /// - Parameter wishes: at least one.
    init(_ wishes: [RangeWishes.Wish], generation: Int) {
        self.generation = generation
        isPrefetch = !wishes.contains { $0.request.priority == .demand }
        range = wishes[0].offset..<wishes[wishes.count - 1].end
        lengths = wishes.map(\.request.length)
        buffer = .allocate(byteCount: lengths[0], alignment: 16)
    }

    deinit { buffer.deallocate() }

    func begin(_ head: TransferHead) {
        self.head = head
        begun = MonotonicClock.nanoseconds
    }

    /// Takes bytes of the body, and hands out each piece that is whole.
    /// - Parameter whole: gets the piece's bytes, to free them.
    func take(_ bytes: UnsafeRawBufferPointer, _ whole: (UnsafeMutableRawBufferPointer) -> Void) {
        received += bytes.count
        var rest = bytes
        while !rest.isEmpty, piece < lengths.count {
            let count = min(rest.count, buffer.count - filled)
            UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            filled += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            guard filled == buffer.count else { continue }
            let done = buffer
            (piece, filled) = (piece + 1, 0)
            buffer =
                piece < lengths.count
                ? .allocate(byteCount: lengths[piece], alignment: 16) : .init(start: nil, count: 0)
            whole(done)
        }
    }

    /// Seconds since the first byte.
    func seconds(now: UInt64) -> Double { begun.map { Double(now - min(now, $0)) / 1e9 } ?? 0 }
}
