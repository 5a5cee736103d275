/// So many of something at once after a rest, and so many a second in the long run. Moments are nanoseconds of a clock that does not go back.
struct Pace: Sendable {
    /// In each second.
    let rate: UInt64
    /// At once, after a rest.
    let burst: UInt64
    /// When what was taken so far is paid for.
    private var paid: UInt64 = 0

    init(rate: UInt64, burst: UInt64) { (self.rate, self.burst) = (rate, burst) }

    private var cost: UInt64 { 1_000_000_000 / rate }

    /// When the next one is allowed.
    func next(_ now: UInt64) -> UInt64 { max(now, paid - min(paid, cost * (burst - 1))) }

    func allows(_ now: UInt64) -> Bool { next(now) <= now }

    /// One is taken.
    mutating func take(_ now: UInt64) { paid = max(paid, now) + cost }
}

/// How many flows the guest may open in a time: each costs the host a socket, and whoever is at its other end a connection.
struct FlowRate: Sendable {
    /// Flows a second, in the long run.
    static let rate = 128
    /// At once, after a rest; a page with pictures opens a hundred.
    static let burst = 512
    /// A UDP port of the guest that was silent for so long begins anew: resolvers take a new one for each question.
    static let silence: UInt64 = 10_000_000_000

    private var pace = Pace(rate: UInt64(rate), burst: UInt64(burst))
    /// When each UDP port of the guest was used last.
    private var used = [UInt64](repeating: 0, count: 65_536)
    /// Flows that were opened since this was set to 0.
    var opened = 0

    /// Whether a flow may be opened now.
    /// - Parameters:
    ///   - port: of the guest, for UDP: what follows from it is the same flow to the host's sockets.
    ///   - now: nanoseconds of a clock that does not go back.
    mutating func allows(datagramsFrom port: UInt16?, at now: UInt64) -> Bool {
        if let port, goesOn(port, at: now) { return true }
        guard pace.allows(now) else { return false }
        pace.take(now)
        opened += 1
        if let port { used[Int(port)] = now }
        return true
    }

    /// Whether datagrams from a port of the guest belong to a flow that is open.
    mutating func goesOn(_ port: UInt16, at now: UInt64) -> Bool {
        let last = used[Int(port)]
        guard last > 0, now - last < Self.silence else { return false }
        used[Int(port)] = now
        return true
    }
}
