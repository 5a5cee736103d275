import FoundationEssentials
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

    /// The value of the next line; nil at the end. Waits for the peer. What follows the line may be read and lost: see ``LineReader``.
    /// - Throws: as ``LineReader/next(_:)``.
    package static func receive<Value: Decodable>(_ type: Value.Type, from handle: FileHandle) throws -> Value? {
        try LineReader(handle).next(type)
    }
}

/// The lines of a socket or pipe, one after the other. For use on one thread.
package final class LineReader {
    /// No line of ours is longer, so a longer one is not ours.
    private static let longestLine = 1 << 20

    private let handle: FileHandle
    /// What was read beyond the last line.
    private var bytes: [UInt8] = []

    package init(_ handle: FileHandle) { self.handle = handle }

    /// The next line's value; nil at the end. Waits for the peer.
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
                guard end <= LineReader.longestLine else { throw SystemCallError(.messageTooLong, call: "read") }
                defer { bytes.removeFirst(end + 1) }
                return bytes[..<end]
            }
            looked = bytes.count
            // The part of a longer line that fits might be a value, too, but not the one that was sent.
            guard looked <= LineReader.longestLine else { throw SystemCallError(.messageTooLong, call: "read") }
            switch try buffer.withUnsafeMutableBytes({ try handle.receive(into: $0) }) {
            case .bytes(let count): bytes += buffer[..<count]
            // A socket's own limit of time is over.
            case .nothingYet: throw SystemCallError(.timedOut, call: "read")
            case .end:
                defer { bytes = [] }
                return bytes[...]
            }
        }
    }
}
