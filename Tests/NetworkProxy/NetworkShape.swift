/// How a network behaves: what lies between client and server.
package struct NetworkShape: Sendable, Equatable {
    /// Whether anything gets through at all.
    package enum Mode: String, Sendable, CaseIterable {
        /// All goes on.
        case pass
        /// Connections are refused, as by a machine without the server; those that are open go on.
        case refuse
        /// Nothing moves, as behind a cut cable: connections are taken, and no byte goes in or out.
        case hang
    }

    /// Seconds from here to there and back. Each direction takes half; a connection takes one more before it carries data.
    package var roundTrip: Double
    /// Bits a second, for each direction, shared by all connections; 0 for no limit.
    package var rate: Double
    package var mode: Mode
    /// Each connection is reset after so many bytes from the server; nil for never.
    package var cutAfter: Int?

    package init(roundTrip: Double = 0, rate: Double = 0, mode: Mode = .pass, cutAfter: Int? = nil) {
        self.roundTrip = roundTrip
        self.rate = rate
        self.mode = mode
        self.cutAfter = cutAfter
    }

    /// Nanoseconds of one direction.
    var oneWay: UInt64 { UInt64(max(0, roundTrip) * 0.5e9) }
}
