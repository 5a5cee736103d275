import ImageIndex

/// Where in an image its start reads, and when.
struct BootHeatMap {
    let version: String
    /// Cells of the image in order, each of the same number of blocks.
    let cells: [Cell]
    let blocksPerCell: Int
    /// Blocks of the boot set.
    let count: Int

    struct Cell {
        /// Blocks that the start reads, and when the first of them: 0 the very first, 1 the last.
        var read = 0
        var first = 1.0
        /// Whether the image has anything here but zeros.
        var hasData = false
    }

    /// Cells at most.
    private static let most = 2048

    /// - Throws: ``PublisherError/index(path:_:)``.
    init(version: String, bootSet: BootSet, index: ImageIndex) throws(PublisherError) {
        self.version = version
        let perCell = max(1, (index.count + BootHeatMap.most - 1) / BootHeatMap.most)
        var cells = [Cell](repeating: Cell(), count: (index.count + perCell - 1) / perCell)
        let order = Dictionary(uniqueKeysWithValues: bootSet.ids.enumerated().map { ($0.element, $0.offset) })
        let last = Double(max(1, bootSet.ids.count - 1))
        do {
            try index.forEachBlock { block in
                let cell = block.position / perCell
                if !block.isHole { cells[cell].hasData = true }
                guard let place = order[block.id], !block.isHole else { return }
                cells[cell].read += 1
                cells[cell].first = min(cells[cell].first, Double(place) / last)
            }
        } catch {
            throw .index(path: version, .malformed(reason: "\(error)"))
        }
        self.cells = cells
        blocksPerCell = perCell
        count = bootSet.ids.count
    }
}
