import Formats
import GuestDomain
import Zlib

/// Kitty's graphics protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol/.
enum KittyPicture {
    /// Ours among the pictures of the terminal: the letters OSC. The next one of this number replaces it.
    private static let number = 0x4F5343
    /// Of Base64 in one command.
    private static let longest = 4096

    /// Draws the picture at the cursor, scaled to these cells, and leaves the cursor where it is. No answer comes.
    static func drawing(_ picture: ScreenPicture, columns: Int, rows: Int) -> [UInt8] {
        let packed = packed(picture.pixels)
        var rest = Array(Base64.encode(packed ?? picture.pixels).utf8)[...]
        let format = packed == nil ? "f=24" : "f=24,o=z"
        var keys =
            "a=T,\(format),s=\(picture.width),v=\(picture.height),c=\(columns),r=\(rows),i=\(number),p=1,q=2,C=1,"
        var output: [UInt8] = []
        while !rest.isEmpty {
            let part = rest.prefix(longest)
            rest = rest.dropFirst(part.count)
            output += Array("\u{1b}_G\(keys)m=\(rest.isEmpty ? 0 : 1);".utf8) + part + Array("\u{1b}\\".utf8)
            keys = ""
        }
        return output
    }

    /// Removes the picture, also from the terminal's memory.
    static let removal = Array("\u{1b}_Ga=d,d=I,i=\(number),q=2\u{1b}\\".utf8)

    /// Nil where there is no memory for it.
    private static func packed(_ pixels: [UInt8]) -> [UInt8]? {
        // As the doc comment says: then they are sent as they are.
        try? [UInt8](unsafeUninitializedCapacity: Zlib.bound(pixels.count)) { output, count in
            count = try pixels.withUnsafeBytes { input in
                try Zlib.compress(input, into: UnsafeMutableRawBufferPointer(output))
            }
        }
    }
}
