/// A pattern of `paths`: `*`, `?` and `[…]` as in a shell, none of which crosses a `/`.
struct PathPattern: Sendable {
    private enum Piece: Sendable {
        case exactly(Unicode.Scalar)
        case anyOne
        case anyNumber
        case oneOf([ClosedRange<UInt32>], isNegated: Bool)

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .exactly(let own): own == scalar
            case .anyOne: true
            case .anyNumber: false
            case .oneOf(let ranges, let isNegated): ranges.contains { $0.contains(scalar.value) } != isNegated
            }
        }
    }

    private let parts: [[Piece]]

    init(_ text: String) {
        parts = text.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map { part in
            Self.pieces(Array(part))
        }
    }

    /// What a name that matches begins with, up to its first slash or the pattern's first character that stands for others. `isWhole`
    /// when that is all in front of the slash.
    var beginning: (text: [Unicode.Scalar], isWhole: Bool) {
        var text: [Unicode.Scalar] = []
        for piece in parts.first ?? [] {
            guard case .exactly(let scalar) = piece else { return (text, false) }
            text.append(scalar)
        }
        return (text, true)
    }

    /// - Parameter steps: how many comparisons may be made; below 0 when they were not enough, and the answer is of no use.
    func matches(_ path: TargetPath, steps: inout Int) -> Bool {
        guard parts.count == path.parts.count else { return false }
        for (pieces, text) in zip(parts, path.parts) where !Self.matches(pieces, text, &steps) { return false }
        return true
    }

    private static func pieces(_ text: [Unicode.Scalar]) -> [Piece] {
        var pieces: [Piece] = []
        var position = 0
        while position < text.count {
            let scalar = text[position]
            position += 1
            switch scalar {
            case "*": pieces.append(.anyNumber)
            case "?": pieces.append(.anyOne)
            case "[":
                if let (piece, end) = bracket(text, from: position) {
                    pieces.append(piece)
                    position = end
                } else {
                    pieces.append(.exactly(scalar))
                }
            default: pieces.append(.exactly(scalar))
            }
        }
        return pieces
    }

    /// The set behind a `[` and where the text goes on; nil when there is no `]`, and `[` then means itself.
    private static func bracket(_ text: [Unicode.Scalar], from start: Int) -> (Piece, Int)? {
        var position = start
        let isNegated = position < text.count && text[position] == "!"
        if isNegated { position += 1 }
        let first = position
        var ranges: [ClosedRange<UInt32>] = []
        while position < text.count {
            let low = text[position]
            // A ] right behind the [ is one of the set.
            if low == "]" && position > first { return (.oneOf(ranges, isNegated: isNegated), position + 1) }
            if position + 2 < text.count, text[position + 1] == "-", text[position + 2] != "]" {
                let high = text[position + 2]
                if low.value <= high.value { ranges.append(low.value...high.value) }
                position += 3
            } else {
                ranges.append(low.value...low.value)
                position += 1
            }
        }
        return nil
    }

    /// Matches in at most pieces times scalars steps: the last `*` takes one more when the rest does not fit.
    private static func matches(_ pieces: [Piece], _ text: [Unicode.Scalar], _ steps: inout Int) -> Bool {
        var (piece, position) = (0, 0)
        var retry: (piece: Int, position: Int)?
        while position < text.count {
            steps -= 1
            if steps < 0 { return false }
            if piece < pieces.count, case .anyNumber = pieces[piece] {
                retry = (piece + 1, position)
                piece += 1
            } else if piece < pieces.count, pieces[piece].matches(text[position]) {
                piece += 1
                position += 1
            } else if let last = retry {
                piece = last.piece
                position = last.position + 1
                retry = (last.piece, position)
            } else {
                return false
            }
        }
        return pieces[piece...].allSatisfy { if case .anyNumber = $0 { true } else { false } }
    }
}
