/// How often the menu asks how things are. Each time it wakes the sessions of all guests, too: where nobody has touched it for a while, it asks
/// less often. Nanoseconds.
struct MenuPace: Sendable, Equatable {
    /// After so long without a key it counts as left alone.
    static let patience: UInt64 = 60_000_000_000

    /// A guest on the screen is followed closely.
    let showsGuest: Bool
    /// Whether something on the screen moves by itself.
    let isLive: Bool

    static func isLeft(since lastInput: UInt64, now: UInt64) -> Bool { now > lastInput && now - lastInput >= patience }

    /// Until it is asked the next time.
    /// - Parameter lastInput: when the user did something last.
    func interval(since lastInput: UInt64, now: UInt64) -> UInt64 {
        let isLeft = MenuPace.isLeft(since: lastInput, now: now)
        if showsGuest { return isLeft ? 1_000_000_000 : 300_000_000 }
        if isLive { return isLeft ? 3_000_000_000 : 1_000_000_000 }
        return isLeft ? 15_000_000_000 : 3_000_000_000
    }
}
