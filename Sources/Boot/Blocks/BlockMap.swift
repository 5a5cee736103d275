/// A picture of an image: each cell stands for an equal run of blocks.
///
/// In JSON a string with one letter for each cell.
package struct BlockMap: Sendable, Equatable, Codable {
    package enum Cell: Character, Sendable, CaseIterable {
        /// All zeros: nothing to download.
        case hole = "."
        /// Some of it is only on the server.
        case missing = "-"
        /// Being fetched.
        case arriving = "*"
        /// All stored.
        case here = "#"
        /// All stored, and the guest has read some of it.
        case read = "@"
    }

    package let cells: [Cell]

    package init(cells: [Cell]) { self.cells = cells }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        cells = try container.decode(String.self).map { letter in
            guard let cell = Cell(rawValue: letter) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "no cell: \(letter)")
            }
            return cell
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(cells.map(\.rawValue)))
    }
}
