/// The lines that `benchmarks/` measures on.
package enum MeasuredLine: String, Sendable, CaseIterable, CustomStringConvertible {
    case home = "50 Mbit/50 ms"
    case far = "20 Mbit/100 ms"
    case slow = "5 Mbit/300 ms"
    case fast = "1 Gbit/0.2 ms"

    package var shape: NetworkShape {
        switch self {
        case .home: NetworkShape(roundTrip: 0.05, rate: 50e6)
        case .far: NetworkShape(roundTrip: 0.1, rate: 20e6)
        case .slow: NetworkShape(roundTrip: 0.3, rate: 5e6)
        case .fast: NetworkShape(roundTrip: 0.0002, rate: 1e9)
        }
    }

    package var description: String { rawValue }
}
