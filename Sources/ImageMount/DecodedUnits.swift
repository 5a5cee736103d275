import BlockStore
import Collections
import DiskImage
import Synchronization

/// The parts of a disk that were decoded last, and those that are being decoded: each once, however many reads want it.
///
/// What is under way is bounded by bytes, for a guest can ask for many parts at once; the rest waits in line. Any thread may use it.
final class DecodedUnits: Sendable {
    /// A read's part that waits for a unit.
    struct Waiter: Sendable {
        let read: DecodedRead
        /// First byte within the unit.
        let from: Int
        let target: Range<Int>

        func take(_ result: Result<BlockBytes, any Error>) {
            switch result {
            case .success(let bytes): bytes.withUnsafeBytes { read.take($0, from: from, target: target) }
            case .failure(let error): read.end(.failure(error))
            }
        }
    }

    /// What becomes of a wish for a unit.
    enum Wish {
        case here(BlockBytes)
        /// The caller must fetch and decode it, and then ``end(_:_:)``.
        case begin
        /// Somebody does so, or will do so when there is room.
        case joined
        /// Its bytes have not come in time, and are still waited for.
        case overdue(any Error)
    }

    /// A unit to be fetched and decoded, and until when its waiters wait, in ``MonotonicClock`` nanoseconds.
    struct Turn {
        let unit: DiskUnit
        let deadline: UInt64
    }

    private struct Flight {
        let unit: DiskUnit
        var waiters: [Waiter] = []
        /// Why its waiters failed, until its bytes have come.
        var overdue: (any Error)?

        var turn: Turn? {
            waiters.filter { !$0.read.isOver }.map(\.read.deadline).max().map { Turn(unit: unit, deadline: $0) }
        }
    }

    private struct State {
        var recent: RecentValues<Int, BlockBytes>
        var flights: [Int: Flight] = [:]
        /// What the flights cost that have begun.
        var underWay = 0
        var queue: Deque<Int> = []

        func hasRoom(for unit: DiskUnit) -> Bool {
            underWay == 0 || underWay + DecodedUnits.cost(of: unit) <= DecodedUnits.mostUnderWay
        }
    }

    /// Bytes of decoded units that are kept, at least; four units where these are long.
    private static let kept = 32 << 20
    private static let mostUnderWay = 128 << 20
    /// What a unit takes besides its bytes: some are short.
    private static let overhead = 256

    private let state: Mutex<State>
    private let limit: Int

    init(longestUnit: Int) {
        limit = max(DecodedUnits.kept, 4 * longestUnit)
        state = Mutex(State(recent: RecentValues(limit: limit)))
    }

    /// Drops what is kept: who reads it again decodes it again.
    func forget() {
        // Freed after the lock is given back.
        let dropped = state.withLock { state in
            defer { state.recent = RecentValues(limit: limit) }
            return state.recent
        }
        _ = dropped
    }

    /// In bytes: in the file and on the disk.
    private static func cost(of unit: DiskUnit) -> Int { unit.stored.count + unit.length + overhead }

    /// Asks for a unit.
    /// - Parameter waiter: hears of the unit once, where it is ``Wish/joined`` or ``Wish/begin``. Nil for a caller that only looks
    ///   whether it is here or may begin: for that one ``Wish/joined`` means that others are at it or before it.
    func ask(_ unit: DiskUnit, _ waiter: Waiter?) -> Wish {
        state.withLock { state in
            if let bytes = state.recent.use(unit.number) { return .here(bytes) }
            if let flight = state.flights[unit.number] {
                if let error = flight.overdue { return .overdue(error) }
                if let waiter { state.flights[unit.number]?.waiters.append(waiter) }
                return .joined
            }
            let mayBegin = state.queue.isEmpty && state.hasRoom(for: unit)
            guard mayBegin || waiter != nil else { return .joined }
            state.flights[unit.number] = Flight(unit: unit, waiters: waiter.map { [$0] } ?? [])
            if mayBegin {
                state.underWay += DecodedUnits.cost(of: unit)
                return .begin
            }
            state.queue.append(unit.number)
            return .joined
        }
    }

    /// Joins a flight that the caller has begun.
    func join(_ unit: DiskUnit, _ waiter: Waiter) {
        state.withLock { $0.flights[unit.number]?.waiters.append(waiter) }
    }

    /// Whether a read waits for a unit.
    func isWanted(_ unit: DiskUnit) -> Bool {
        state.withLock { $0.flights[unit.number]?.waiters.contains { !$0.read.isOver } == true }
    }

    /// The bytes of a flight have not come in time: those who wait hear of it, and those who ask until they come.
    func isLate(_ unit: DiskUnit, _ error: any Error) {
        let waiters = state.withLock { state -> [Waiter] in
            defer { state.flights[unit.number]?.waiters = [] }
            state.flights[unit.number]?.overdue = error
            return state.flights[unit.number]?.waiters ?? []
        }
        for waiter in waiters { waiter.take(.failure(error)) }
    }

    /// The bytes of a flight have come: it will end soon.
    func hasCome(_ unit: DiskUnit) {
        state.withLock { $0.flights[unit.number]?.overdue = nil }
    }

    /// Ends a flight: those who wait hear of it.
    /// - Returns: the units to begin now.
    func end(_ unit: DiskUnit, _ result: Result<BlockBytes, any Error>) -> [Turn] {
        let (waiters, next) = state.withLock { state in
            if case .success(let bytes) = result {
                state.recent.insert(bytes, for: unit.number, cost: unit.length + DecodedUnits.overhead)
            }
            return land(unit, &state)
        }
        for waiter in waiters { waiter.take(result) }
        return next
    }

    private func land(_ unit: DiskUnit, _ state: inout State) -> (waiters: [Waiter], next: [Turn]) {
        guard let flight = state.flights.removeValue(forKey: unit.number) else { return ([], []) }
        state.underWay -= DecodedUnits.cost(of: flight.unit)
        var next: [Turn] = []
        while let first = state.queue.first, let queued = state.flights[first], state.hasRoom(for: queued.unit) {
            state.queue.removeFirst()
            // Nobody wants it any more.
            guard let turn = queued.turn else {
                state.flights[first] = nil
                continue
            }
            state.underWay += DecodedUnits.cost(of: queued.unit)
            next.append(turn)
        }
        return (flight.waiters, next)
    }
}
