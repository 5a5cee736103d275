import FoundationEssentials
import Glibc
import Linux

/// JSON values as lines over a socket or pipe.
package enum LineSocket {
    package static func send(_ value: some Encodable, to handle: FileHandle) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        var bytes = Array(try encoder.encode(value))
        bytes.append(UInt8(ascii: "\n"))
        try bytes.withUnsafeBytes { try handle.write($0) }
    }

    /// The value of the one line that comes; nil at the end. What follows it may be read and lost: see ``LineReader``. Blocks.
    /// - Throws: as ``LineReader/next(_:)``.
    package static func receive<Value: Decodable>(_ type: Value.Type, from handle: FileHandle) throws -> Value? {
        try LineReader(handle).next(type)
    }
}

/// The lines of a socket or pipe, one after the other. For one thread.
package final class LineReader {
    /// No line of ours is longer; a longer one is somebody else's.
    private static let longestLine = 1 << 20

    private let handle: FileHandle
    /// What was read beyond the last line.
    private var bytes: [UInt8] = []

    package init(_ handle: FileHandle) { self.handle = handle }

    /// The next line's value; nil at the end. Blocks.
    /// - Throws: ``SystemCallError``, EMSGSIZE when the line is too long; what the decoder throws.
    package func next<Value: Decodable>(_ type: Value.Type) throws -> Value? {
        guard let line = try nextLine(), !line.isEmpty else { return nil }
        return try JSONDecoder().decode(type, from: Data(line))
    }

    /// The next line without its newline, or what is left at the end.
    private func nextLine() throws -> ArraySlice<UInt8>? {
        var looked = 0
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            if let end = bytes[looked...].firstIndex(of: UInt8(ascii: "\n")) {
                guard end <= LineReader.longestLine else { throw SystemCallError(code: EMSGSIZE, call: "read") }
                defer { bytes.removeFirst(end + 1) }
                return bytes[..<end]
            }
            looked = bytes.count
            // What fits of a longer line might be a value too, and another one than was sent.
            guard looked <= LineReader.longestLine else { throw SystemCallError(code: EMSGSIZE, call: "read") }
            let count = try systemCall("read") { read(handle.descriptor, &buffer, buffer.count) }
            if count == 0 {
                defer { bytes = [] }
                return bytes[...]
            }
            bytes += buffer[..<count]
        }
    }
}
