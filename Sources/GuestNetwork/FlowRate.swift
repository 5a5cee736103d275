/// How many flows the guest may open in a time: each costs the host a socket, and whoever is at its other end a connection.
struct FlowRate: Sendable {
    /// Flows a second, in the long run.
    static let rate = 128
    /// At once, after a rest; a page with pictures opens a hundred.
    static let burst = 512
    /// A UDP port of the guest that was silent for so long begins anew: resolvers take a new one for each question.
    static let silence: UInt64 = 10_000_000_000

    private static let cost = UInt64(1_000_000_000 / rate)
    /// When the flows so far are paid for.
    private var paid: UInt64 = 0
    /// When each UDP port of the guest was used last.
    private var used = [UInt64](repeating: 0, count: 65_536)

    /// Whether a flow may be opened now.
    /// - Parameters:
    ///   - port: of the guest, for UDP: what follows from it is the same flow to the host's sockets.
    ///   - now: nanoseconds of a clock that does not go back.
    mutating func allows(datagramsFrom port: UInt16?, at now: UInt64) -> Bool {
        if let port {
            let last = used[Int(port)]
            if last > 0, now - last < Self.silence {
                used[Int(port)] = now
                return true
            }
        }
        let start = max(paid, now)
        guard start - now <= Self.cost * UInt64(Self.burst - 1) else { return false }
        paid = start + Self.cost
        if let port { used[Int(port)] = now }
        return true
    }
}
