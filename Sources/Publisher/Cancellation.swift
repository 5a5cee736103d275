import Synchronization

/// A request to stop, from a signal. Long work checks it between two pieces.
package final class Cancellation: Sendable {
    private let number = Atomic<Int32>(0)

    package init() {}

    /// Asks for the stop. The first signal's number stays.
    package func cancel(signal: Int32) {
        _ = number.compareExchange(expected: 0, desired: signal, ordering: .relaxed)
    }

    /// The signal that asked for the stop, or nil.
    package var signal: Int32? {
        let value = number.load(ordering: .relaxed)
        return value == 0 ? nil : value
    }

    /// - Throws: ``PublisherError/interrupted(signal:)`` once a stop was asked for.
    func check() throws(PublisherError) {
        if let signal { throw .interrupted(signal: signal) }
    }
}
