import CNcurses

/// The pairs of colours that ncurses has for pictures. It numbers them, and has only so many.
struct ColorPairs {
    /// The first ones are the styles'.
    private static let first: Int32 = 3
    /// As many as fit into the number that a cell has for its pair.
    private static let most: Int32 = 32_767

    private let room: Int
    private var numbers: [ScreenColors: Int32] = [:]

    /// - Parameter room: pairs that the terminal can have, 0 among them.
    init(room: Int32 = 0) { self.room = Int(max(0, min(room, ColorPairs.most) - ColorPairs.first)) }

    /// Whether another picture may have more pairs than are left.
    var isFull: Bool { numbers.count > room / 2 }

    mutating func removeAll() { numbers = [:] }

    /// The number of a pair; 0, the terminal's own colours, where there is none left.
    mutating func pair(for colors: ScreenColors) -> Int32 {
        if let number = numbers[colors] { return number }
        guard numbers.count < room else { return 0 }
        let number = ColorPairs.first + Int32(numbers.count)
        osc_set_pair(number, colors.ink, colors.ground)
        numbers[colors] = number
        return number
    }
}
