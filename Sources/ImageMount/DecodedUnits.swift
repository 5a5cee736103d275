import BlockStore
import Collections
import DiskImage
import Synchronization

/// The parts of a disk that were decoded last, and those that are being decoded: each once, however many reads want it.
///
/// What is under way is bounded by bytes, for a guest can ask for many parts at once; the rest waits in line. Any thread may use it.
final class DecodedUnits: Sendable {
    typealias Waiter = @Sendable (Result<BlockBytes, any Error>) -> Void

    /// What becomes of a wish for a unit.
    enum Wish {
        case here(BlockBytes, isFirstUse: Bool)
        /// The caller must fetch and decode it, and then ``end(_:_:)``.
        case begin
        /// Somebody does so.
        case joined
        /// Somebody will do so when there is room.
        case queued
    }

    private struct Flight {
        let unit: DiskUnit
        var waiters: [Waiter] = []
        var isBegun: Bool
    }

    private struct Decoded {
        let bytes: BlockBytes
        /// No read has had anything of it: it was decoded ahead.
        var isUnused: Bool
    }

    private struct State {
        var recent: RecentValues<Int, Decoded>
        var flights: [Int: Flight] = [:]
        /// Bytes in the file and on the disk, of the flights that have begun.
        var underWay = 0
        var queue: Deque<Int> = []

        func hasRoom(for unit: DiskUnit) -> Bool {
            underWay == 0 || underWay + DecodedUnits.cost(of: unit) <= DecodedUnits.mostUnderWay
        }
    }

    /// Bytes of decoded units that are kept, at least; four units where these are long.
    private static let kept = 32 << 20
    private static let mostUnderWay = 128 << 20

    private let state: Mutex<State>

    init(longestUnit: Int) {
        state = Mutex(State(recent: RecentValues(limit: max(DecodedUnits.kept, 4 * longestUnit))))
    }

    private static func cost(of unit: DiskUnit) -> Int { unit.stored.count + unit.length }

    /// Asks for a unit.
    /// - Parameter waiter: called once, unless the unit is here. Nil for a caller that only looks whether it is here or may begin: for
    ///   that one ``Wish/joined`` and ``Wish/queued`` mean that others are at it.
    func ask(_ unit: DiskUnit, _ waiter: Waiter?) -> Wish {
        state.withLock { state in
            if let decoded = state.recent.use(unit.number) {
                if decoded.isUnused {
                    state.recent.insert(
                        Decoded(bytes: decoded.bytes, isUnused: false), for: unit.number, cost: unit.length)
                }
                return .here(decoded.bytes, isFirstUse: decoded.isUnused)
            }
            if let flight = state.flights[unit.number] {
                if let waiter { state.flights[unit.number]?.waiters.append(waiter) }
                return flight.isBegun ? .joined : .queued
            }
            let mayBegin = state.queue.isEmpty && state.hasRoom(for: unit)
            guard mayBegin || waiter != nil else { return .queued }
            state.flights[unit.number] = Flight(unit: unit, waiters: waiter.map { [$0] } ?? [], isBegun: mayBegin)
            if mayBegin {
                state.underWay += DecodedUnits.cost(of: unit)
                return .begin
            }
            state.queue.append(unit.number)
            return .queued
        }
    }

    /// Joins a flight that the caller has begun.
    func join(_ unit: DiskUnit, _ waiter: @escaping Waiter) {
        state.withLock { $0.flights[unit.number]?.waiters.append(waiter) }
    }

    /// Begins to decode a unit that nobody waits for.
    /// - Returns: false when it is here, others are at it, or there is no room.
    func beginAhead(_ unit: DiskUnit) -> Bool {
        state.withLock { state in
            guard state.recent.look(unit.number) == nil, state.flights[unit.number] == nil, state.queue.isEmpty,
                state.hasRoom(for: unit)
            else { return false }
            state.flights[unit.number] = Flight(unit: unit, isBegun: true)
            state.underWay += DecodedUnits.cost(of: unit)
            return true
        }
    }

    /// Gives up a flight that was begun ahead.
    /// - Returns: the units to begin now; nil when somebody waits for it meanwhile: then it must go on.
    func giveUp(_ unit: DiskUnit) -> [DiskUnit]? {
        state.withLock { state in
            guard state.flights[unit.number]?.waiters.isEmpty == true else { return nil }
            return land(unit, &state).next
        }
    }

    /// Ends a flight: those who wait hear of it.
    /// - Returns: the units to begin now.
    func end(_ unit: DiskUnit, _ result: Result<BlockBytes, any Error>) -> [DiskUnit] {
        let (waiters, next) = state.withLock { state in
            let (waiters, next) = land(unit, &state)
            if case .success(let bytes) = result {
                state.recent.insert(
                    Decoded(bytes: bytes, isUnused: waiters.isEmpty), for: unit.number, cost: unit.length)
            }
            return (waiters, next)
        }
        for waiter in waiters { waiter(result) }
        return next
    }

    private func land(_ unit: DiskUnit, _ state: inout State) -> (waiters: [Waiter], next: [DiskUnit]) {
        guard let flight = state.flights.removeValue(forKey: unit.number) else { return ([], []) }
        state.underWay -= DecodedUnits.cost(of: flight.unit)
        var next: [DiskUnit] = []
        while let first = state.queue.first, let unit = state.flights[first]?.unit, state.hasRoom(for: unit) {
            state.queue.removeFirst()
            state.flights[first]?.isBegun = true
            state.underWay += DecodedUnits.cost(of: unit)
            next.append(unit)
        }
        return (flight.waiters, next)
    }
}
