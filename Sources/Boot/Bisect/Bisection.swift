/// What is known of a system's versions between one that is good and one that is bad, and which one tells most when it is tried next.
///
/// A value that knows nothing of guests. Versions before the first bad one are taken to be good, and all from it on bad: what contradicts that
/// is refused.
package struct Bisection: Sendable, Equatable {
    /// What somebody, or a test, says of a version.
    package enum Verdict: String, Codable, Sendable, CaseIterable {
        case good, bad
        /// It cannot be told.
        case skip
    }

    package enum Outcome: Sendable, Equatable {
        /// The version to try now, and about how many are to be tried with it.
        case next(String, steps: Int)
        /// The first bad version: the one before it is good.
        case found(String)
        /// One of these is the first bad version, the oldest first; all but the last cannot be told.
        case undecided([String])
    }

    /// Why a verdict is refused.
    package enum Refusal: Error, Sendable, Equatable {
        /// It is not one of ``versions``.
        case outside(String)
        /// It would be bad although the other one, the same or newer, is good; or good although the other one, the same or older, is bad.
        case contradiction(String, Verdict, other: String)
    }

    /// The oldest first. The first one is known to be good, the last one to be bad.
    package let versions: [String]
    /// Of those between the first and the last.
    package private(set) var verdicts: [String: Verdict] = [:]
    private let places: [String: Int]

    /// - Parameter versions: two at least, each once.
    package init?(versions: [String]) {
        let places = Dictionary(zip(versions, versions.indices), uniquingKeysWith: { first, _ in first })
        guard versions.count >= 2, places.count == versions.count else { return nil }
        (self.versions, self.places) = (versions, places)
    }

    /// What is known of a version without trying it: what was said of it, or follows from others; nil where nothing is.
    package func known(_ version: String) -> Verdict? {
        guard let place = places[version] else { return nil }
        if place <= newestGood { return .good }
        if place >= oldestBad { return .bad }
        return verdicts[version]
    }

    /// The newest version that is known to be good, by its place.
    package var newestGood: Int { place(of: .good, without: nil).max() ?? 0 }
    /// The oldest version that is known to be bad, by its place.
    package var oldestBad: Int { place(of: .bad, without: nil).min() ?? versions.count - 1 }

    /// How many versions may be the first bad one.
    package var suspects: Int { oldestBad - newestGood }

    /// Takes what is said of a version. What was said of it before is replaced.
    package mutating func mark(_ version: String, _ verdict: Verdict) throws(Refusal) {
        guard let place = places[version] else { throw .outside(version) }
        let last = versions.count - 1
        let (good, bad) = (
            self.place(of: .good, without: place).max() ?? 0, self.place(of: .bad, without: place).min() ?? last
        )
        // The two ends are what they were given as.
        if place == 0 && verdict != .good || place == last && verdict != .bad {
            throw .contradiction(version, verdict, other: version)
        }
        switch verdict {
        case .good where place >= bad: throw .contradiction(version, verdict, other: versions[bad])
        case .bad where place <= good: throw .contradiction(version, verdict, other: versions[good])
        default: break
        }
        if place > 0, place < last { verdicts[version] = verdict }
    }

    /// Forgets what was said of a version.
    package mutating func forget(_ version: String) { verdicts[version] = nil }

    private func place(of verdict: Verdict, without left: Int?) -> [Int] {
        let end = verdict == .good ? 0 : versions.count - 1
        let ends = verdict == .skip ? [] : [end]
        return ends + verdicts.filter { $0.value == verdict }.compactMap { places[$0.key] }.filter { $0 != left }
    }

    /// - Parameter gone: versions that cannot be tried now; they count as skipped.
    package func outcome(without gone: Set<String> = []) -> Outcome {
        let (good, bad) = (newestGood, oldestBad)
        if bad - good == 1 { return .found(versions[bad]) }
        let open = (good + 1..<bad).filter { verdicts[versions[$0]] == nil && !gone.contains(versions[$0]) }
        guard let next = Bisection.choose(from: open, between: good, and: bad) else {
            return .undecided(Array(versions[(good + 1)...bad]))
        }
        return .next(versions[next], steps: Bisection.steps(for: bad - good))
    }

    /// So many tries are enough for so many suspects.
    package static func steps(for suspects: Int) -> Int {
        suspects <= 1 ? 0 : Int.bitWidth - (suspects - 1).leadingZeroBitCount
    }

    /// The middle, or what is near it: first its neighbours, then ever farther away, for weeks that cannot be tried often stand together.
    private static func choose(from open: [Int], between good: Int, and bad: Int) -> Int? {
        guard !open.isEmpty else { return nil }
        let free = Set(open)
        let middle = good + (bad - good) / 2
        if free.contains(middle) { return middle }
        var distance = 1
        while distance < bad - good {
            for place in [middle - distance, middle + distance] where free.contains(place) { return place }
            distance *= 2
        }
        return open.min { abs($0 - middle) < abs($1 - middle) }
    }
}
