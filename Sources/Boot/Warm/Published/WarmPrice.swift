/// Whether a guest that its publisher saved is at its login sooner than one that boots: what has to come over the network for each, and how
/// long the boot takes where everything is here.
struct WarmPrice: Sendable, Equatable {
    /// Bytes of the state that are not here.
    var stateBytes: UInt64
    /// Bytes that the boot would fetch.
    var bootBytes: UInt64
    /// Seconds that a boot takes whose blocks are here.
    var bootSeconds: Double

    /// Seconds from the last byte of a state to an answer.
    static let wakeSeconds = 2.0
    /// Seconds before the line's rate is believed.
    static let firstLook = 0.7
    /// Seconds in which the first block must have come, and those that may pass without another.
    static let (longestFirst, longestStall) = (3.0, 2.0)
    /// The most seconds that are believed of a boot that nobody has seen here: a publisher may say anything.
    static let mostUnseen = 120.0
    /// Of what has to come of a boot, as a part of its length: what zstd makes of systems' files.
    static let packing = 0.45

    enum Verdict: Sendable, Equatable {
        /// The state is waited for.
        case wait
        /// It boots; the state may come for the next time.
        case boot
    }

    /// - Parameters:
    ///   - done: bytes of the state that have come over the network.
    ///   - seconds: since the first was asked for.
    ///   - still: seconds since any have come.
    func verdict(done: UInt64, after seconds: Double, still: Double = 0) -> Verdict {
        let rest = stateBytes - min(done, stateBytes)
        if rest == 0 { return .wait }
        // As if it came in no time.
        guard seconds >= WarmPrice.firstLook, done > 0 else {
            let isWorthIt = WarmPrice.wakeSeconds < bootSeconds || bootBytes > 0
            return isWorthIt && seconds < WarmPrice.longestFirst ? .wait : .boot
        }
        guard still < WarmPrice.longestStall else { return .boot }
        let rate = Double(done) / seconds
        let boot = max(bootSeconds, Double(bootBytes) / rate)
        return Double(rest) / rate + WarmPrice.wakeSeconds < boot ? .wait : .boot
    }
}
