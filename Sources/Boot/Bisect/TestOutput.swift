import GuestDomain
import Linux

/// What a test writes in its guest: all of it into a log, as far as there is room, and its lines for people without what would do more to a terminal
/// than draw on it.
struct TestOutput {
    /// Bytes of a log.
    static let longestLog = 1 << 20
    /// Lines that are shown of one version.
    static let mostLines = 200
    /// Characters of a line.
    static let longestLine = 2000

    private let log: FileHandle?
    private let token: String
    private let show: (String) -> Void
    private var filter = TerminalFilter(for: .text)
    private var written = 0
    private var lines = 0
    private var line: [UInt8] = []
    /// What the test's end said: the line that begins with the token.
    private(set) var code: Int32?

    /// - Parameters:
    ///   - log: nil where it cannot be written, which the test does not need.
    ///   - show: called with a line each.
    init(log: FileHandle?, token: String, show: @escaping (String) -> Void) {
        (self.log, self.token, self.show) = (log, token, show)
    }

    /// Takes the next piece.
    /// - Returns: whether the test has ended.
    mutating func take(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in filter.pass(bytes) where code == nil {
            if byte == UInt8(ascii: "\n") { endLine() } else if line.count < Self.longestLine { line.append(byte) }
        }
        return code != nil
    }

    /// What was not ended by a newline is a line, too.
    mutating func finish() { if !line.isEmpty { endLine() } }

    private mutating func endLine() {
        defer { line.removeAll(keepingCapacity: true) }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("\(token) ") {
            code = Int32(text.dropFirst(token.count + 1).prefix(4))
            return
        }
        write(text)
        lines += 1
        if lines <= Self.mostLines { show(text) }
        if lines == Self.mostLines { show("(the rest is in the log)") }
    }

    private mutating func write(_ text: String) {
        guard let log, written < Self.longestLog else { return }
        let bytes = Array("\(text)\n".utf8)
        written += bytes.count
        // A log that cannot be written costs the user its text, and not the test.
        bytes.withUnsafeBytes { _ = try? log.write($0) }
    }
}
