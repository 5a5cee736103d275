/// The colours of a terminal, by their numbers, and which of them is nearest to another colour.
package enum Palette: Sendable, Hashable {
    case eight, sixteen
    /// xterm's: a cube of 6 x 6 x 6 colours from number 16 on, and 24 greys behind it.
    case cube
    /// Numbers are red, green and blue; those of the cube are used, because pairs of colours are few.
    case direct

    /// - Parameter colors: how many the terminal has.
    init?(colors: Int) {
        switch colors {
        case ..<8: return nil
        case 8..<16: self = .eight
        case 16..<256: self = .sixteen
        case 256: self = .cube
        default: self = .direct
        }
    }

    /// A colour of three bytes.
    struct Color: Sendable, Hashable {
        var red: UInt8
        var green: UInt8
        var blue: UInt8

        func distance(to other: Color) -> Int {
            let differences = [
                Int(red) - Int(other.red), Int(green) - Int(other.green), Int(blue) - Int(other.blue),
            ]
            return differences.reduce(0) { $0 + $1 * $1 }
        }
    }

    /// xterm's first sixteen.
    private static let named = [
        (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
        (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
        (255, 255, 255),
    ].map { (color: (UInt8, UInt8, UInt8)) in Color(red: color.0, green: color.1, blue: color.2) }

    /// The steps of each side of the cube.
    private static let steps: [UInt8] = [0, 95, 135, 175, 215, 255]

    /// The number of the nearest colour.
    func nearest(_ color: Color) -> Int32 {
        switch self {
        case .eight: Palette.nearest(color, of: Palette.named[..<8])
        case .sixteen: Palette.nearest(color, of: Palette.named[...])
        case .cube: Palette.nearestOfCube(color).number
        case .direct:
            Palette.number(Palette.nearestOfCube(color).color)
        }
    }

    private static func nearest(_ color: Color, of colors: ArraySlice<Color>) -> Int32 {
        Int32(colors.indices.min { colors[$0].distance(to: color) < colors[$1].distance(to: color) } ?? 0)
    }

    private static func number(_ color: Color) -> Int32 {
        Int32(color.red) << 16 | Int32(color.green) << 8 | Int32(color.blue)
    }

    /// The nearest of xterm's 240 colours that are the same everywhere.
    static func nearestOfCube(_ color: Color) -> (number: Int32, color: Color) {
        let (red, green, blue) = (step(color.red), step(color.green), step(color.blue))
        let cube = Color(red: steps[red], green: steps[green], blue: steps[blue])
        let level = min(max((Int(color.red) + Int(color.green) + Int(color.blue)) / 3 - 3, 0) / 10, 23)
        let shade = UInt8(8 + 10 * level)
        let grey = Color(red: shade, green: shade, blue: shade)
        return grey.distance(to: color) < cube.distance(to: color)
            ? (Int32(232 + level), grey) : (Int32(16 + 36 * red + 6 * green + blue), cube)
    }

    private static func step(_ value: UInt8) -> Int {
        value < 48 ? 0 : value < 115 ? 1 : min(5, (Int(value) - 35) / 40)
    }
}
