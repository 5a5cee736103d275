/// The format that QEMU writes pictures of a screen in: netpbm's PPM, of the binary kind `P6`.
///
/// A guest chooses size and pixels, and one that has broken QEMU chooses every byte. So nothing but what QEMU writes is read:
/// `P6`, width and height, 255, each followed by one white space character, and then as many bytes as that is.
package enum Pixmap {
    package enum Fault: Error, Sendable, Equatable {
        /// It does not begin as a PPM of QEMU's does.
        case malformed
        /// No screen is so large, or it has no pixels.
        case size(width: Int, height: Int)
        /// There are fewer or more bytes than its size needs.
        case length(Int, expected: Int)
    }

    /// What libvirt calls the format.
    package static let type = "image/x-portable-pixmap"
    /// The most that is read of a picture: a screen of 3840 x 2160 has 25 MB.
    package static let longest = 32 << 20
    /// Pixels across and down.
    static let largest = 16_384

    /// - Throws: ``Fault``.
    package static func read(_ bytes: [UInt8]) throws(Fault) -> ScreenPicture {
        var rest = bytes[...]
        guard rest.starts(with: "P6".utf8) else { throw .malformed }
        rest = rest.dropFirst(2)
        guard takeSpace(&rest) else { throw .malformed }
        var numbers: [Int] = []
        for _ in 0..<3 {
            guard let number = takeNumber(&rest), takeSpace(&rest) else { throw .malformed }
            numbers.append(number)
        }
        guard numbers[2] == 255 else { throw .malformed }
        let (width, height) = (numbers[0], numbers[1])
        guard (1...largest).contains(width), (1...largest).contains(height) else {
            throw .size(width: width, height: height)
        }
        let expected = width * height * 3
        guard rest.count == expected, let picture = ScreenPicture(width: width, height: height, pixels: Array(rest))
        else { throw .length(rest.count, expected: expected) }
        return picture
    }

    private static func takeSpace(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let byte = rest.first, byte == 0x20 || (0x09...0x0D).contains(byte) else { return false }
        rest.removeFirst()
        return true
    }

    /// A number of five digits at most.
    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix(6).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...5).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}

extension Pixmap.Fault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "it is no picture of a kind that QEMU writes"
        case .size(let width, let height): "a screen of \(width) x \(height) pixels is not shown"
        case .length(let count, let expected): "the picture has \(count) bytes of pixels instead of \(expected)"
        }
    }
}
