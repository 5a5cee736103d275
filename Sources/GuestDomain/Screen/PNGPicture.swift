import Zlib

/// PNG as QEMU 7.1 and later write it for libvirt: RGB with 8 bits, not interlaced. As strict as ``Pixmap``, and with its faults.
package enum PNGPicture {
    package static let type = "image/png"
    /// Bytes of pixels.
    private static let most = 64 << 20

    /// - Throws: ``Pixmap/Fault``.
    package static func read(_ bytes: [UInt8]) throws(Pixmap.Fault) -> ScreenPicture {
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { throw .malformed }
        var (place, size, packed) = (8, (width: 0, height: 0), [UInt8]())
        while true {
            // Length, kind, the part itself, and a sum, which would only find an accident.
            guard bytes.count - place >= 12 else { throw .malformed }
            let length = number(bytes, place)
            guard length <= bytes.count - place - 12 else { throw .malformed }
            let part = bytes[(place + 8)..<(place + 8 + length)]
            switch Array(bytes[(place + 4)..<(place + 8)]) {
            case Array("IHDR".utf8):
                guard place == 8, length == 13, Array(part.suffix(5)) == [8, 2, 0, 0, 0] else { throw .malformed }
                size = (number(bytes, place + 8), number(bytes, place + 12))
                guard (1...Pixmap.largest).contains(size.width), (1...Pixmap.largest).contains(size.height),
                    size.width * size.height * 3 <= most
                else { throw .size(width: size.width, height: size.height) }
            case Array("IDAT".utf8): packed += part
            case Array("IEND".utf8): return try unpack(packed, size.width, size.height)
            default: break
            }
            guard size.width > 0 else { throw .malformed }
            place += 12 + length
        }
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> Int {
        bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func unpack(_ packed: [UInt8], _ width: Int, _ height: Int) throws(Pixmap.Fault) -> ScreenPicture {
        guard width > 0 else { throw .malformed }
        let stride = width * 3
        var rows = [UInt8](repeating: 0, count: height * (stride + 1))
        // Whatever is wrong with it, it is no picture.
        let count = try? packed.withUnsafeBytes { input in
            try rows.withUnsafeMutableBytes { try Zlib.decompress(input, into: $0) }
        }
        guard count == rows.count else { throw .length(count ?? 0, expected: rows.count) }
        var pixels = [UInt8](repeating: 0, count: height * stride)
        for row in 0..<height {
            let (from, to) = (row * (stride + 1) + 1, row * stride)
            let filter = rows[from - 1]
            guard filter <= 4 else { throw .malformed }
            for column in 0..<stride {
                let left = column < 3 ? 0 : Int(pixels[to + column - 3])
                let above = row == 0 ? 0 : Int(pixels[to + column - stride])
                let corner = column < 3 || row == 0 ? 0 : Int(pixels[to + column - stride - 3])
                let guess =
                    switch filter {
                    case 0: 0
                    case 1: left
                    case 2: above
                    case 3: (left + above) / 2
                    default: nearest(left, above, corner)
                    }
                pixels[to + column] = rows[from + column] &+ UInt8(guess)
            }
        }
        guard let picture = ScreenPicture(width: width, height: height, pixels: pixels) else { throw .malformed }
        return picture
    }

    /// Paeth's: whichever is nearest to left + above - corner.
    private static func nearest(_ left: Int, _ above: Int, _ corner: Int) -> Int {
        let (toLeft, toAbove) = (abs(above - corner), abs(left - corner))
        let toCorner = abs(left + above - 2 * corner)
        return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner
    }
}
