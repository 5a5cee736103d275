import FoundationEssentials
import Glibc
import Linux

/// JSON values as lines over a socket or pipe.
package enum LineSocket {
    /// No line of ours is longer; a longer one is somebody else's.
    private static let longestLine = 1 << 20

    package static func send(_ value: some Encodable, to handle: FileHandle) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        var bytes = Array(try encoder.encode(value))
        bytes.append(UInt8(ascii: "\n"))
        try bytes.withUnsafeBytes { try handle.write($0) }
    }

    /// The next line's value; nil at the end. Blocks.
    /// - Throws: ``SystemCallError``, EMSGSIZE when the line is too long; what the decoder throws.
    package static func receive<Value: Decodable>(_ type: Value.Type, from handle: FileHandle) throws -> Value? {
        var line: [UInt8] = []
        while true {
            var byte: UInt8 = 0
            let count = try systemCall("read") { read(handle.descriptor, &byte, 1) }
            if count == 0 || byte == UInt8(ascii: "\n") { break }
            // What fits of a longer line might be a value too, and another one than was sent.
            guard line.count < longestLine else { throw SystemCallError(code: EMSGSIZE, call: "read") }
            line.append(byte)
        }
        if line.isEmpty { return nil }
        return try JSONDecoder().decode(type, from: Data(line))
    }
}
