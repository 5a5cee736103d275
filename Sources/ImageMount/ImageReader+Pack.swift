import BlockStore
import ImageIndex
import Linux

/// Reads of pages that the boot pack has, and whose blocks are not here.
extension ImageReader {
    /// Takes a part of a block from the boot pack, as far as its pieces are here.
    /// - Returns: what is missing of it, in pieces of the pack; nil where it has to come from the block.
    func takePacked(
        _ target: Range<Int>, of buffer: ReadBuffer, from block: IndexedBlock, at start: Int
    ) -> [PendingRead.Piece]? {
        let image = block.offset + UInt64(start)..<block.offset + UInt64(start + target.count)
        guard let packed, let parts = packed.parts(of: image) else { return nil }
        var missing: [PendingRead.Piece] = []
        var here: [PendingRead.Piece] = []
        var next = target.lowerBound
        for part in parts {
            let piece = PendingRead.Piece(
                block: packed.pieces[part.piece], offset: part.range.lowerBound, target: next..<next + part.range.count,
                origin: PendingRead.Origin(block: block, offset: start + next - target.lowerBound))
            next = piece.target.upperBound
            // Before the look: what comes in between is found by the next one.
            let hasCome = packed.hasCome(part.piece)
            if store.read(request(piece.block), at: piece.offset, into: buffer.part(piece.target)) {
                here.append(piece)
            } else if hasCome {
                // Nobody keeps it: to fetch a piece for every page would be more than the blocks are.
                packed.giveUp(part.piece)
                return nil
            } else {
                missing.append(piece)
            }
        }
        for piece in here {
            remember(piece, UnsafeRawBufferPointer(buffer.part(piece.target))) { part, page in
                store.read(request(packed.pieces[part.piece]), at: part.range.lowerBound, into: page)
            }
        }
        return missing
    }

    /// Keeps what reads that waited for a piece of the boot pack are given from it.
    func remember(_ read: PendingRead, _ piece: IndexedBlock, _ bytes: BlockBytes) {
        for part in read.pieces where part.block.position == piece.position {
            bytes.withUnsafeBytes { bytes in
                let given = UnsafeRawBufferPointer(rebasing: bytes[part.offset..<part.offset + part.target.count])
                remember(part, given) { place, page in
                    page.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[place.range]))
                    return true
                }
            }
        }
    }

    private func remember(
        _ part: PendingRead.Piece, _ given: UnsafeRawBufferPointer,
        _ read: (BootPack.Part, UnsafeMutableRawBufferPointer) -> Bool
    ) {
        guard let origin = part.origin else { return }
        packed?.remember(
            origin.offset..<origin.offset + part.target.count, of: origin.block, given, read: read)
    }

    /// Compares what was given of a block from the boot pack with the block, which has come.
    package func compare(_ block: IndexedBlock, _ bytes: BlockBytes) {
        bytes.withUnsafeBytes { compare(block, at: 0, $0) }
    }

    /// - Parameter offset: where the bytes begin within the block.
    func compare(_ block: IndexedBlock, at offset: Int, _ bytes: UnsafeRawBufferPointer) {
        if packed?.differs(block, at: offset, bytes) == true { observer?.packDiffers(from: block) }
    }

    /// Whether something was given of a block from the boot pack that was not compared with the block.
    package func isUnchecked(_ position: Int) -> Bool { packed?.isUnchecked(position) ?? false }

    /// Has reads that wait for a piece of the boot pack, which does not come, wait for their blocks.
    func useBlocks(insteadOf piece: IndexedBlock) {
        let (wanted, stallEnded) = state.withLock { state -> ([IndexedBlock], Bool) in
            guard let wait = state.waits.removeValue(forKey: piece.position) else { return ([], false) }
            var wanted: [IndexedBlock] = []
            for read in wait.reads where !read.isFinished {
                for block in read.turnToBlocks(from: piece.position) {
                    if state.waits[block.position] == nil {
                        state.waits[block.position] = BlockWait(block: block)
                        wanted.append(block)
                    }
                    state.waits[block.position]?.add(read)
                }
            }
            return (wanted, wait.isStalled && !state.waits.values.contains { $0.isStalled })
        }
        for block in wanted { fetch(block) }
        // A guest that is paused for the piece asks again, and then for its blocks.
        if stallEnded { observer?.stallEnded() }
    }
}
