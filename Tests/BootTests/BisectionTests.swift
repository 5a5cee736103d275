import TestSupport
import Testing

@testable import Boot

/// Which version is tried next, and what follows from the answers.
@Suite struct BisectionTests {
    private static func weeks(_ count: Int) -> [String] {
        (0..<count).map { "2026-\($0 / 28 + 10)-\($0 % 28 + 10)" }
    }

    private static func bisection(_ count: Int) throws -> Bisection { try #require(Bisection(versions: weeks(count))) }

    /// Answers as a world does in which the version of a number, and all after it, are bad.
    /// - Parameter skips: versions of which nothing can be told.
    private static func run(
        _ bisection: Bisection, bad: Int, skips: Set<Int> = []
    ) throws -> (outcome: Bisection.Outcome, tries: [String]) {
        var bisection = bisection
        var tries: [String] = []
        while case .next(let version, _) = bisection.outcome() {
            let place = try #require(bisection.versions.firstIndex(of: version))
            #expect(!tries.contains(version), "tried twice")
            #expect(place > bisection.newestGood && place < bisection.oldestBad, "its answer is known")
            tries.append(version)
            try bisection.mark(version, skips.contains(place) ? .skip : place >= bad ? .bad : .good)
        }
        return (bisection.outcome(), tries)
    }

    @Test func everyRegressionInUpToSixtyWeeksIsFoundInAsFewBootsAsCanBe() throws {
        for count in 2...60 {
            let bisection = try Self.bisection(count)
            let most = Bisection.steps(for: count - 1)
            for bad in 1..<count {
                let (outcome, tries) = try Self.run(bisection, bad: bad)
                #expect(outcome == .found(bisection.versions[bad]), "\(bad) of \(count)")
                #expect(tries.count <= most, "\(bad) of \(count): \(tries)")
            }
        }
    }

    @Test func week17Of26TakesFiveBoots() throws {
        let bisection = try Self.bisection(26)
        let (outcome, tries) = try Self.run(bisection, bad: 16)
        #expect(outcome == .found(bisection.versions[16]))
        #expect(tries.count <= 5)
        #expect(bisection.outcome() == .next(bisection.versions[12], steps: 5))
    }

    @Test func stepsAreLogarithms() {
        let all = [1, 2, 3, 4, 5, 8, 9, 16, 17, 25, 33]
        #expect(all.map(Bisection.steps) == [0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    }

    @Test func neighboursNeedNoBoot() throws {
        let bisection = try Self.bisection(2)
        #expect(bisection.outcome() == .found(bisection.versions[1]))
        #expect(bisection.suspects == 1)
    }

    @Test func whatIsSkippedCostsLittleAndHidesOnlyWhatItMust() throws {
        var random = SeededRandom(seed: 17)
        for count in 3...40 {
            let bisection = try Self.bisection(count)
            for _ in 0..<20 {
                let bad = Int.random(in: 1..<count, using: &random)
                let skips = Set((1..<count - 1).filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
                let (outcome, tries) = try Self.run(bisection, bad: bad, skips: skips)
                #expect(tries.count <= Bisection.steps(for: count - 1) + skips.count)
                // The good version next to the first bad one, over what was skipped.
                var good = bad - 1
                while skips.contains(good) { good -= 1 }
                var last = bad
                while skips.contains(last) { last += 1 }
                let suspects = Array(bisection.versions[(good + 1)...last])
                #expect(
                    outcome == (suspects.count == 1 ? .found(suspects[0]) : .undecided(suspects)), "\(skips) \(bad)")
            }
        }
    }

    @Test func aStretchThatCannotBeToldIsLeftInAFewSteps() throws {
        let bisection = try Self.bisection(60)
        let (outcome, tries) = try Self.run(bisection, bad: 5, skips: Set(20...45))
        #expect(outcome == .found(bisection.versions[5]))
        #expect(tries.count <= 6 + 10, "\(tries)")
    }

    @Test func withAllSkippedTheSuspectsAreNamed() throws {
        let bisection = try Self.bisection(5)
        let (outcome, tries) = try Self.run(bisection, bad: 2, skips: [1, 2, 3])
        #expect(outcome == .undecided(Array(bisection.versions[1...])))
        #expect(tries.count == 3)
    }

    @Test func whatIsGoneIsLeftOutAndMayComeBack() throws {
        var bisection = try Self.bisection(5)
        let all = bisection.versions
        #expect(bisection.outcome(without: [all[2]]) == .next(all[1], steps: 2))
        #expect(bisection.outcome(without: Set(all[1...3])) == .undecided(Array(all[1...])))
        #expect(bisection.outcome() == .next(all[2], steps: 2))
        try bisection.mark(all[2], .bad)
        #expect(bisection.outcome(without: [all[1]]) == .undecided([all[1], all[2]]))
    }

    @Test func answersThatContradictEachOtherAreRefused() throws {
        var bisection = try Self.bisection(9)
        let all = bisection.versions
        try bisection.mark(all[4], .bad)
        try bisection.mark(all[2], .good)
        #expect(throws: Bisection.Refusal.contradiction(all[6], .good, other: all[4])) {
            try bisection.mark(all[6], .good)
        }
        #expect(throws: Bisection.Refusal.contradiction(all[1], .bad, other: all[2])) {
            try bisection.mark(all[1], .bad)
        }
        #expect(throws: Bisection.Refusal.contradiction(all[0], .bad, other: all[0])) {
            try bisection.mark(all[0], .bad)
        }
        #expect(throws: Bisection.Refusal.contradiction(all[8], .good, other: all[8])) {
            try bisection.mark(all[8], .good)
        }
        #expect(throws: Bisection.Refusal.contradiction(all[0], .skip, other: all[0])) {
            try bisection.mark(all[0], .skip)
        }
        #expect(throws: Bisection.Refusal.outside("2020-01-01")) { try bisection.mark("2020-01-01", .good) }
        #expect(bisection.verdicts == [all[4]: .bad, all[2]: .good], "a refused answer changes nothing")
    }

    @Test func anAnswerMayBeTakenBack() throws {
        var bisection = try Self.bisection(9)
        let all = bisection.versions
        try bisection.mark(all[4], .bad)
        try bisection.mark(all[4], .good)
        #expect(bisection.known(all[3]) == .good && bisection.known(all[5]) == nil && bisection.known(all[8]) == .bad)
        try bisection.mark(all[6], .skip)
        #expect(bisection.known(all[6]) == .skip)
    }

    @Test func oneVersionOrTheSameTwiceIsNoBisection() {
        #expect(Bisection(versions: ["2026-11-16"]) == nil)
        #expect(Bisection(versions: ["2026-11-16", "2026-11-16"]) == nil)
    }
}
