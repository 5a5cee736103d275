import BlockStore
import ImageIndex

/// What a read finds without waiting.
extension ImageReader {
    /// Writes holes and what the store has locally; returns the rest.
    /// - Parameter ahead: gets the positions to fetch ahead.
    /// - Throws: ``ImageIndexError``.
    func fillLocally(
        _ buffer: ReadBuffer, offset: UInt64, _ ahead: inout [Range<Int>]
    ) throws(ImageIndexError) -> [PendingRead.Piece] {
        var missing: [PendingRead.Piece] = []
        var done = 0
        while done < buffer.count {
            let block = try index.block(containing: offset + UInt64(done))
            let start = Int(offset + UInt64(done) - block.offset)
            let target = done..<done + min(block.length - start, buffer.count - done)
            if block.isHole {
                buffer.part(target).initializeMemory(as: UInt8.self, repeating: 0)
            } else {
                missing += fill(target, of: buffer, from: block, at: start, &ahead)
            }
            done = target.upperBound
        }
        return missing
    }

    /// Takes a part of a block: from the block where it is here, else from the boot pack.
    /// - Returns: what is missing of it.
    private func fill(
        _ target: Range<Int>, of buffer: ReadBuffer, from block: IndexedBlock, at start: Int,
        _ ahead: inout [Range<Int>]
    ) -> [PendingRead.Piece] {
        var isFirst = false
        touched.touch(block.position) {
            observer?.firstTouch(block)
            isFirst = true
        }
        let part = buffer.part(target)
        let isHere =
            blocksAhead.take(block.position, at: start, into: part) || store.read(request(block), at: start, into: part)
        if isHere {
            compare(block, at: start, UnsafeRawBufferPointer(part))
        } else if let missing = takePacked(target, of: buffer, from: block, at: start) {
            // The pack has what this reader wants next, too.
            return missing
        }
        if isFirst, !options.foreseen.contains(block.position) {
            let next = blocksAhead.touched(block.position)
            if !next.isEmpty { ahead.append(next) }
        }
        return isHere ? [] : [PendingRead.Piece(block: block, offset: start, target: target)]
    }
}
