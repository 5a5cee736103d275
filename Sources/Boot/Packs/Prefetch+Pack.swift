import BlockStore
import ImageIndex
import ImageMount
import Linux

extension Prefetch {
    /// What is measured of a piece that came.
    private struct Arrival: Sendable {
        let bytes: Int
        let wait: Double?
    }

    /// Fetches the pieces of a boot pack in their order; those that are stored already are verified ahead of the guest.
    ///
    /// Returns when each is stored or could not be fetched, or the task is cancelled.
    /// - Parameters:
    ///   - parallel: requests in flight, at most.
    ///   - progress: called after every piece.
    func pieces(of packed: PackedPages, parallel: Int, progress: @escaping @Sendable () -> Void) async {
        var pieces = packed.pieces.makeIterator()
        var window = PieceWindow(most: parallel, now: MonotonicClock.nanoseconds)
        await withTaskGroup(of: Arrival?.self) { group in
            var underWay = 0
            repeat {
                while underWay < window.count, !Task.isCancelled, let piece = pieces.next() {
                    underWay += 1
                    group.addTask {
                        let arrival = await fetch(piece, of: packed)
                        progress()
                        return arrival
                    }
                }
                guard let ended = await group.next() else { return }
                underWay -= 1
                guard let arrival = ended else { continue }
                window.came(bytes: arrival.bytes, wait: arrival.wait, now: MonotonicClock.nanoseconds)
            } while true
        }
    }

    /// - Returns: nil where it could not be had: its pages come from their blocks.
    private func fetch(_ piece: IndexedBlock, of packed: PackedPages) async -> Arrival? {
        let request = BlockRequest(
            id: piece.id, length: piece.length, algorithm: index.algorithm, priority: .prefetch, isForKeeping: true,
            isDispensable: true)
        do {
            let bytes = try await store.block(request)
            packed.noteHere(piece)
            return Arrival(bytes: bytes.transferred, wait: bytes.wait)
        } catch let error as BlockStoreError {
            // One that no place has answered for may come the next time.
            if case .unreachable = error { return nil }
            packed.failed(piece, error)
            return nil
        } catch {
            // Cancelled.
            return nil
        }
    }
}
