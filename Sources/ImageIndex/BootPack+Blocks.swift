extension BootPack {
    /// The pieces as blocks that follow an image's own: their positions go on after its last, their offsets are the pack's.
    /// - Parameter position: the first piece's; the number of blocks that the image's index lists.
    package func blocks(from position: Int) -> [IndexedBlock] {
        pieces.indices.map { number in
            IndexedBlock(
                position: position + number, id: pieces[number].id, offset: UInt64(range(ofPiece: number).lowerBound),
                length: pieces[number].length, isHole: false)
        }
    }
}
