import Catalog
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// The loop of `bisect --run`, in a world without guests.
@Suite struct BisectRunTests {
    private static let system = BisectedSystem(catalog: "test", distribution: "debian")
    private static let weeks = (0..<12).map { "2026-09-\($0 + 10)" }

    /// Guests that do as the test says.
    private final class World: BisectTrials {
        struct Lost: Error {}

        private struct Seen {
            var trials: [String] = []
            var ended: [String] = []
        }

        private let seen = Mutex(Seen())
        let gone: @Sendable ([String]) -> [String: String]
        let answer: @Sendable (String, Int) throws -> TrialResult.End

        init(
            gone: @escaping @Sendable ([String]) -> [String: String] = { _ in [:] },
            _ answer: @escaping @Sendable (String, Int) throws -> TrialResult.End
        ) { (self.gone, self.answer) = (gone, answer) }

        var trials: [String] { seen.withLock { $0.trials } }
        var ended: [String] { seen.withLock { $0.ended } }

        func unavailable(_ record: BisectRecord) async throws -> [String: String] { gone(trials) }

        func trial(_ version: String, session: String) async throws -> TrialResult {
            let number = seen.withLock {
                $0.trials.append(version)
                return $0.trials.count
            }
            return TrialResult(try answer(version, number), bytes: 1000, seconds: 10)
        }

        func end(session: String) async { seen.withLock { $0.ended.append(session) } }
    }

    private struct Fixture {
        let folder: TemporaryDirectory
        let hold: BisectHold
        let record: BisectRecord
        let news = Recorded()

        init() throws {
            let folder = try TemporaryDirectory()
            self.folder = folder
            let places = Places(
                environment: { ["XDG_STATE_HOME": folder.path("state")][$0] }, user: 1, home: folder.path)
            hold = try BisectLibrary(places: places).take(system)
            record = BisectRecord(system, versions: weeks, begun: Timestamp(seconds: 0))
            try hold.begin(record)
        }

        func run(_ world: World, noBoot: BisectRun.NoBoot = .skip) async throws -> BisectRecord {
            let stored = try #require(try hold.record())
            return try await BisectRun(hold: hold, trials: world, noBoot: noBoot) { [news] in news.add($0) }.run(stored)
        }
    }

    private final class Recorded: Sendable {
        private let all = Mutex<[BisectNews]>([])
        func add(_ news: BisectNews) { all.withLock { $0.append(news) } }
        var news: [BisectNews] { all.withLock { $0 } }
    }

    private static func fails(from week: Int, code: Int32 = 1) -> @Sendable (String, Int) throws -> TrialResult.End {
        { version, _ in .exited((weeks.firstIndex(of: version) ?? 0) >= week ? code : 0) }
    }

    @Test func theFirstBadWeekIsFoundAndItsCostIsCounted() async throws {
        for bad in 1..<12 {
            let fixture = try Fixture()
            let world = World(Self.fails(from: bad))
            let record = try await fixture.run(world)
            #expect(record.bisection?.outcome() == .found(Self.weeks[bad]))
            #expect(world.trials.count <= 4 && record.boots == world.trials.count)
            #expect(record.bytes == UInt64(1000 * record.boots) && record.seconds == 10 * record.boots)
            #expect(try fixture.hold.record() == record, "it is stored")
        }
    }

    @Test(
        arguments: [0: .good, 1: .bad, 2: .bad, 124: .bad, 125: .skip, 128: .bad, 139: .bad, 255: .bad]
            as [Int32: Bisection.Verdict])
    func codesMeanWhatTheyMean(code: Int32, verdict: Bisection.Verdict) async throws {
        let fixture = try Fixture()
        let world = World { version, number in number == 1 ? .exited(code) : .exited(125) }
        let record = try await fixture.run(world)
        #expect(record.answers.first?.verdict == verdict && record.answers.first?.code == code)
    }

    @Test func aTestThatHangsOrKillsItsGuestSaysBadAndALostConnectionSaysNothing() async throws {
        for (end, verdict) in [
            (TrialResult.End.outOfTime(600), Bisection.Verdict.bad), (.crashed("it ended"), .bad),
            (.broken("cut"), .skip),
        ] {
            let fixture = try Fixture()
            let record = try await fixture.run(World { _, number in number == 1 ? end : .exited(0) })
            #expect(record.answers.first?.verdict == verdict && record.answers.first?.reason != nil)
        }
    }

    @Test func whatStopsItLeavesItsAnswersAndTheSameGoesOn() async throws {
        let fixture = try Fixture()
        let broken = World { version, number in
            if number == 3 { throw World.Lost() }
            return try Self.fails(from: 9)(version, number)
        }
        await #expect(throws: World.Lost.self) { try await fixture.run(broken) }
        let stored = try #require(try fixture.hold.record())
        #expect(stored.answers.count == 2)
        let left = try #require(stored.session)

        let world = World(Self.fails(from: 9))
        let record = try await fixture.run(world)
        #expect(record.bisection?.outcome() == .found(Self.weeks[9]))
        #expect(world.ended == [left], "the guest that was left behind is ended first")
        #expect(Set(world.trials).isDisjoint(with: stored.answers.map(\.version)), "no week is booted twice")
        #expect(record.boots == 2 + world.trials.count && record.session == nil)
    }

    @Test func aWeekThatVanishesIsLeftOut() async throws {
        let fixture = try Fixture()
        let middle = Self.weeks[5]
        // Before it is tried, and while it is.
        for isSeenBefore in [true, false] {
            let world = World(
                gone: { trials in isSeenBefore || trials.contains(middle) ? [middle: "no longer there"] : [:] }
            ) { version, number in
                if version == middle { throw World.Lost() }
                return try Self.fails(from: 3)(version, number)
            }
            try fixture.hold.begin(fixture.record)
            let record = try await fixture.run(world)
            #expect(record.bisection?.outcome() == .found(Self.weeks[3]))
            #expect(world.trials.contains(middle) != isSeenBefore)
            #expect(fixture.news.news.contains(.gone(middle, why: "no longer there")))
        }
    }

    @Test func aWeekThatNobodyCanLogInToIsWhatTheUserSays() async throws {
        let world: @Sendable () -> World = {
            World { version, _ in
                // From week 5 on nobody can log in; the fault came in week 8.
                (Self.weeks.firstIndex(of: version) ?? 0) >= 5 ? .notRun("nobody could log in") : .exited(0)
            }
        }
        var fixture = try Fixture()
        let skipping = try await fixture.run(world())
        #expect(skipping.bisection?.outcome() == .undecided(Array(Self.weeks[5...11])))
        #expect(skipping.answers.contains { $0.means == .noBoot && $0.reason == "nobody could log in" })
        // The same command with another meaning goes on from there.
        let (first, again) = (skipping.boots, try await fixture.run(world(), noBoot: .bad))
        #expect(again.bisection?.outcome() == .found(Self.weeks[5]) && again.boots == first)

        fixture = try Fixture()
        let bad = try await fixture.run(world(), noBoot: .bad)
        #expect(bad.bisection?.outcome() == .found(Self.weeks[5]))

        fixture = try Fixture()
        await #expect(throws: BisectError.notUp(Self.weeks[5], reason: "nobody could log in")) {
            try await fixture.run(world(), noBoot: .stop)
        }
    }

    @Test(arguments: [TrialResult.End.notRun("no ssh"), .exited(127), .exited(126)])
    func aTestThatCannotRunAnywhereIsNoticedInTheGoodWeek(end: TrialResult.End) async throws {
        let fixture = try Fixture()
        let world = World { _, _ in end }
        await #expect(throws: BisectError.self) { try await fixture.run(world) }
        #expect(world.trials.count == 2 && world.trials.last == Self.weeks[0])
        #expect(try fixture.hold.record()?.answers == [])
    }

    @Test func whereTheGoodWeekIsGoodTheOtherOneIsBelieved() async throws {
        let fixture = try Fixture()
        let world = World(Self.fails(from: 4, code: 127))
        let record = try await fixture.run(world)
        #expect(record.bisection?.outcome() == .found(Self.weeks[4]))
        #expect(world.trials.count { $0 == Self.weeks[0] } == 1, "it is tried once")
    }

    @Test func neighboursNeedNoGuest() async throws {
        let fixture = try Fixture()
        try fixture.hold.begin(
            BisectRecord(Self.system, versions: Array(Self.weeks.prefix(2)), begun: Timestamp(seconds: 0)))
        let world = World(Self.fails(from: 1))
        #expect(try await fixture.run(world).bisection?.outcome() == .found(Self.weeks[1]))
        #expect(world.trials.isEmpty)
    }
}
