/// How many pieces of a boot pack are asked for at a time: as few as keep the line full, for the first of them is wanted first, and all that
/// are under way share the line.
struct PieceWindow: Sendable {
    /// One is being decompressed, one comes, and one is on its way to the server.
    private static let least = 3
    /// What a measurement counts for when the next one is there.
    private static let fading = 0.8

    private let most: Int
    private var last: UInt64
    private var bytes = 0.0
    private var pieces = 0.0
    private var seconds = 0.0
    private var leastWait: Double?

    /// - Parameters:
    ///   - most: pieces at a time.
    ///   - now: nanoseconds, here and below.
    init(most: Int, now: UInt64) { (self.most, last) = (max(1, most), now) }

    /// A piece has come.
    /// - Parameters:
    ///   - bytes: that travelled for it; 0 for one that was here.
    ///   - wait: seconds to the first of them; nil where nobody measured.
    mutating func came(bytes: Int, wait: Double?, now: UInt64) {
        defer { last = now }
        guard bytes > 0 else { return }
        self.bytes = self.bytes * PieceWindow.fading + Double(bytes)
        pieces = pieces * PieceWindow.fading + 1
        seconds = seconds * PieceWindow.fading + Double(now - min(last, now)) / 1e9
        if let wait { leastWait = min(leastWait ?? wait, wait) }
    }

    /// Pieces to have under way now.
    var count: Int {
        guard let leastWait, seconds > 0, bytes > 0 else { return min(PieceWindow.least, most) }
        // What the line brings while a request is answered, in pieces.
        let ahead = min(bytes / seconds * leastWait / (bytes / pieces), Double(most))
        return min(max(PieceWindow.least, 2 + Int(ahead.rounded(.up))), most)
    }
}
