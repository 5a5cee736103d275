import GuestDomain

/// Sixel graphics, as DEC's VT340 reads them (EK-VT38T-UG, chapter 5): bands of six rows, each drawn once for every colour in it.
enum SixelPicture {
    /// Draws the picture at the cursor, a pixel for each of its own.
    static func drawing(_ picture: ScreenPicture) -> [UInt8] {
        let (width, height) = (picture.width, picture.height)
        var registers: [Int32: Int] = [:]
        var colors: [Palette.Color] = []
        // 0;1: the proportions follow, and what is not drawn stays.
        var output = Array("\u{1b}P0;1q\"1;1;\(width);\(height)".utf8)
        for top in stride(from: 0, to: height, by: 6) {
            // For each colour of the band one byte a column, whose bits are the rows from the top.
            var band: [Int: [UInt8]] = [:]
            for row in top..<min(top + 6, height) {
                for column in 0..<width {
                    let place = (row * width + column) * 3
                    let nearest = Palette.nearestOfCube(
                        Palette.Color(
                            red: picture.pixels[place], green: picture.pixels[place + 1],
                            blue: picture.pixels[place + 2]))
                    let register = registers[nearest.number] ?? colors.count
                    if register == colors.count {
                        registers[nearest.number] = register
                        colors.append(nearest.color)
                        output += definition(register, nearest.color)
                    }
                    band[register, default: [UInt8](repeating: 0, count: width)][column] |= 1 << (row - top)
                }
            }
            for (place, register) in band.keys.sorted().enumerated() {
                // Back to the band's beginning for the next colour.
                output += Array("\(place == 0 ? "" : "$")#\(register)".utf8) + line(band[register] ?? [])
            }
            output.append(UInt8(ascii: "-"))
        }
        return output + Array("\u{1b}\\".utf8)
    }

    /// In hundredths.
    private static func definition(_ register: Int, _ color: Palette.Color) -> [UInt8] {
        let shares = [color.red, color.green, color.blue].map { String((Int($0) * 100 + 127) / 255) }
        return Array("#\(register);2;\(shares.joined(separator: ";"))".utf8)
    }

    /// A colour's columns, without the empty ones at the end.
    private static func line(_ columns: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        let end = (columns.lastIndex { $0 != 0 } ?? -1) + 1
        var start = 0
        while start < end {
            let bits = columns[start]
            let next = columns[start..<end].firstIndex { $0 != bits } ?? end
            let sign = bits + 0x3F
            let count = next - start
            output += count > 3 ? Array("!\(count)".utf8) + [sign] : [UInt8](repeating: sign, count: count)
            start = next
        }
        return output
    }
}
