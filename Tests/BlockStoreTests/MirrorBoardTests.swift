import ContentAddress
import Curl
import Testing

@testable import BlockStore

/// What is asked of which mirror and when, by a clock that the test turns.
@Suite struct MirrorBoardTests {
    private typealias Link = MirrorSimulation.Link

    /// Seconds until so many blocks have come, all asked for at once.
    private func seconds(
        _ links: [Link], _ priority: BlockRequest.Priority, blocks: Int = 96
    ) -> (time: Double, requests: [Int]) {
        var simulation = MirrorSimulation(links)
        simulation.add(0..<blocks, priority)
        simulation.run()
        #expect(Set(simulation.arrivals.map(\.block)) == Set(0..<blocks))
        #expect(simulation.board.inFlight == 0)
        return (simulation.time, simulation.links.map(\.requests))
    }

    // MARK: Order

    private func blocks(_ orders: [MirrorBoard.Order]) -> [Int] {
        orders.compactMap { MirrorSimulation.number(of: $0.request.id) }
    }

    private func add(_ block: Int, _ priority: BlockRequest.Priority, to board: inout MirrorBoard) {
        board.add(
            BlockRequest(
                id: MirrorSimulation.id(block), length: MirrorSimulation.length, algorithm: .sha256, priority: priority)
        ) { _ in }
    }

    private func bytes() -> BlockBytes {
        BlockBytes(length: MirrorSimulation.length, transferred: MirrorSimulation.stored, wait: 0.01, fill: { _ in })
    }

    @Test func demandGoesBeforeThePrefetchesThatWaitAndTwoPlacesAreKeptForIt() {
        var board = MirrorBoard(mirrors: 1, parallel: 4)
        for block in 0..<8 { add(block, .prefetch, to: &board) }
        let first = board.orders(now: 0)
        #expect(blocks(first) == [0, 1])
        for block in 10..<14 { add(block, .demand, to: &board) }
        #expect(blocks(board.orders(now: 1)) == [10, 11])
        // Whatever ends, the next place is a demand's while one waits.
        _ = board.succeeded(first[0].number, first[0].asked, bytes(), now: 100_000_000)
        #expect(blocks(board.orders(now: 100_000_000)) == [12])
        _ = board.succeeded(first[1].number, first[1].asked, bytes(), now: 200_000_000)
        #expect(blocks(board.orders(now: 200_000_000)) == [13])
        #expect(board.orders(now: 200_000_001).isEmpty)
    }

    @Test func aPrefetchThatIsRaisedGoesBeforeTheOthersAndOnce() {
        var board = MirrorBoard(mirrors: 1, parallel: 3)
        for block in 0..<8 { add(block, .prefetch, to: &board) }
        let first = board.orders(now: 0)
        #expect(blocks(first) == [0])
        #expect(board.raise(MirrorSimulation.id(5), now: 0).isEmpty)
        let raised = board.orders(now: 0)
        #expect(blocks(raised) == [5])
        #expect(board.raise(MirrorSimulation.id(5), now: 0).isEmpty, "it is a demand already")
        // What is asked for already is known to its mirror.
        #expect(board.raise(MirrorSimulation.id(0), now: 0) == [0])
        var (underWay, later) = (first + raised, [Int]())
        for step in 1...8 {
            let now = UInt64(step) * 50_000_000
            for order in underWay { _ = board.succeeded(order.number, order.asked, bytes(), now: now) }
            underWay = board.orders(now: now)
            later += blocks(underWay)
        }
        #expect(later == [1, 2, 3, 4, 6, 7])
    }

    @Test func whatIsTakenBackIsNotAskedForAndLeavesNoTrace() {
        var board = MirrorBoard(mirrors: 1, parallel: 1)
        for block in 0..<3 { add(block, .demand, to: &board) }
        let first = board.orders(now: 0)
        #expect(board.remove(MirrorSimulation.id(1))?.asked.isEmpty == true)
        #expect(board.remove(MirrorSimulation.id(0))?.asked.map(\.mirror) == [0])
        #expect(board.remove(MirrorSimulation.id(0)) == nil)
        #expect(board.orders(now: 1).isEmpty, "the mirror is not free yet")
        // What it says in the end concerns nobody.
        guard case .goOn = board.failed(first[0].number, first[0].asked, .closed, .patient, now: 2) else {
            Issue.record("it is asked for again")
            return
        }
        #expect(!board.health[0].isFailing)
        #expect(blocks(board.orders(now: 3)) == [2])
    }

    // MARK: Which mirror

    @Test(arguments: [BlockRequest.Priority.prefetch, .demand])
    func twoLinksGiveNearlyTwiceAsMuchAsOne(priority: BlockRequest.Priority) {
        let link = Link(latency: 0.02, rate: 1.5e6)
        let one = seconds([link], priority)
        let both = seconds([link, link], priority)
        // 96 blocks of 32 KiB take the one 2.1 s and a round trip.
        #expect(abs(one.time - (96 * 32_768 / 1.5e6 + 0.02)) < 0.1, "\(one.time) s")
        #expect(one.time / both.time > 1.8, "\(one.time) s and \(both.time) s")
        #expect(both.requests.reduce(0, +) == 96, "a block was fetched twice: \(both.requests)")
    }

    @Test func aFastLinkIsNotHeldUpByASlowOne() {
        let fast = Link(latency: 0.01, rate: 5e6)
        let slow = Link(latency: 0.2, rate: 62_500)
        let alone = seconds([fast], .prefetch, blocks: 300)
        let both = seconds([slow, fast], .prefetch, blocks: 300)
        #expect(both.time < 1.05 * alone.time, "\(both.time) s beside a slow one, \(alone.time) s alone")
        #expect(both.requests[0] < 12)
        // When there is little to fetch, what a stranger was given first is raced after a second.
        #expect(seconds([slow, fast], .prefetch).time < 1.1)
    }

    @Test(arguments: [[0, 1], [1, 0]])
    func theNearestIsAskedWhicheverWasNamedFirst(order: [Int]) {
        let links = [Link(latency: 0.2, rate: 1e8), Link(latency: 0.01, rate: 1e8)]
        var simulation = MirrorSimulation(order.map { links[$0] })
        // One after the other, as a guest reads.
        for block in 0..<20 {
            simulation.add([block])
            simulation.run()
        }
        let far = simulation.links[order[0] == 0 ? 0 : 1].requests
        #expect(far <= 2, "\(far) of 20")
        #expect(simulation.arrivals.map(\.block) == Array(0..<20))
    }

    @Test func aMirrorThatIsKilledInTheMiddleIsNotMissed() {
        var simulation = MirrorSimulation([Link(), Link()])
        simulation.add(0..<96, .prefetch)
        simulation.run { $0.arrivals.count == 20 }
        simulation.kill(0)
        let (killed, left) = (simulation.time, 96 - simulation.arrivals.count)
        simulation.run()
        #expect(Set(simulation.arrivals.map(\.block)) == Set(0..<96))
        #expect(simulation.arrivals.dropFirst(20).allSatisfy { $0.mirror == 1 })
        #expect(simulation.time - killed < Double(left * MirrorSimulation.stored) / 1e6 + 0.5)
        // Once all at once, and then at its trials only.
        #expect(simulation.errors.count <= 20, "\(simulation.errors.count)")
    }

    // MARK: Races

    @Test func aBlockThatHangsIsRacedWhenItTakesThreeTimesAsLongAsExpected() {
        var simulation = MirrorSimulation([Link(), Link(latency: 0.03)])
        simulation.add(0..<40)
        simulation.run()
        let (start, expected) = (
            simulation.time, simulation.board.estimates[0].expected(bytes: 32_768, now: simulation.now)
        )
        #expect((0.02...0.1).contains(expected), "\(expected) s")
        simulation.links[0].mode = .hang
        simulation.add([40])
        simulation.run(for: 10)
        let arrival = simulation.arrivals.last
        #expect(arrival?.block == 40 && arrival?.mirror == 1)
        // At least 0.1 s, and the board is looked at every 50 ms.
        let raced = max(3 * expected, 0.1)
        #expect(simulation.time - start > raced && simulation.time - start < raced + 0.05 + 0.1)
        #expect(simulation.losers == 1)
        #expect(simulation.board.inFlight == 0)
    }

    @Test func aPrefetchIsRacedFromTheMomentItIsWanted() {
        var simulation = MirrorSimulation([Link(), Link()])
        simulation.add(0..<40)
        simulation.run()
        simulation.links[0].mode = .hang
        simulation.links[1].rate = 20_000
        // The prefetches on the other mirror keep it from being the last that is wanted.
        simulation.add(40..<60, .prefetch)
        let hanging = simulation.board.pending.values.filter { $0.asked.map(\.mirror) == [0] }.map(\.request.id)
        let wanted = (40..<60).first { hanging.contains(MirrorSimulation.id($0)) }
        guard let wanted else {
            Issue.record("nothing was asked of the mirror that hangs")
            return
        }
        simulation.run(for: 1)
        #expect(simulation.board.pending.values.allSatisfy { $0.asked.count < 2 }, "nobody waits for them")
        simulation.raise(wanted)
        simulation.run(for: 2.1)
        let raced = simulation.board.pending.values.first { $0.request.id == MirrorSimulation.id(wanted) }
        #expect(raced == nil || raced?.asked.count == 2)
    }

    @Test(arguments: [(8, 2), (4, 1)])
    func moreIsNeverGivenOutThanCanBeUnderWay(parallel: Int, races: Int) {
        var simulation = MirrorSimulation([Link(), Link(latency: 0.03)], parallel: parallel)
        simulation.add(0..<40)
        simulation.run()
        simulation.links[0].mode = .hang
        simulation.add(40..<80)
        // As much as there is room for, but for the races.
        #expect(simulation.board.inFlight == parallel - races)
        var most = 0
        simulation.run(for: 60) {
            most = max(most, $0.board.inFlight)
            return $0.board.pending.isEmpty
        }
        #expect(most > parallel - races && most <= parallel, "\(most)")
        #expect(simulation.losers > 0)
        #expect(Set(simulation.arrivals.map(\.block)) == Set(0..<80))
    }

    @Test func whatALoserSaysAfterTheRaceCounts() {
        var board = MirrorBoard(mirrors: 2, parallel: 16)
        add(0, .demand, to: &board)
        let (first, second) = (board.orders(now: 0), board.hedges(now: 1_100_000_000))
        #expect(first.map(\.asked.mirror) == [0] && second.map(\.asked.mirror) == [1])
        for order in second { _ = board.succeeded(order.number, order.asked, bytes(), now: 1_200_000_000) }
        #expect(board.pending.isEmpty && !board.health[0].isDemoted(1_200_000_000))
        let damaged = BlockStoreError.corrupt(MirrorSimulation.id(0), place: "a", reason: "x")
        for order in first { _ = board.failed(order.number, order.asked, damaged, .patient, now: 1_300_000_000) }
        #expect(board.health[0].isDemoted(1_300_000_000))
        #expect(board.inFlight == 0)
    }

    // MARK: Rounds

    @Test func allMirrorsMayBeAwayForAWhile() {
        var simulation = MirrorSimulation([Link(), Link()])
        simulation.add(0..<8)
        simulation.run()
        simulation.kill(0)
        simulation.kill(1)
        simulation.add(8..<96)
        simulation.run(for: 30)
        #expect(simulation.arrivals.count == 8)
        // 0.2 s doubling to 5: some dozen rounds in half a minute for each of those that were asked for.
        #expect(simulation.errors.count < 2 * 88 * 13)
        simulation.links[1].mode = .pass
        let back = simulation.time
        simulation.run()
        #expect(Set(simulation.arrivals.map(\.block)) == Set(0..<96))
        // The first that comes revives all the others: nobody waits out a pause of his own.
        #expect(simulation.time - back < 6.5 + 88 * 32_768 / 1e6)
    }

    @Test func aMirrorThatWasNotAskedSaysLeast() {
        var board = MirrorBoard(mirrors: 2, parallel: 4)
        add(0, .demand, to: &board)
        let errors: [BlockStoreError] = [
            .missing(MirrorSimulation.id(0), place: "a"),
            .unreachable(place: "b", cause: TransferError.refused(url: "b", message: "x")),
        ]
        for turn in 0..<2 {
            guard let order = board.orders(now: UInt64(turn)).first else {
                Issue.record("nobody is asked")
                return
            }
            let error = errors[order.asked.mirror]
            guard case .giveUp(_, .missing) = board.failed(order.number, order.asked, error, .rounds(1), now: 5) else {
                #expect(turn == 0)
                continue
            }
        }
        #expect(board.pending.isEmpty)
    }

    @Test func whereNoMirrorGivesAnythingAllRestTogether() {
        var simulation = MirrorSimulation((0..<8).map { _ in Link() })
        for mirror in simulation.links.indices { simulation.kill(mirror) }
        simulation.add(0..<64)
        simulation.run(for: 60)
        let asked = simulation.links.map(\.requests).reduce(0, +)
        // Each block once of each mirror, and then a few blocks a round: pauses are 5 s or a quarter more or less.
        #expect(asked < 64 * 8 + 20 * 4 * 8, "\(asked)")
        #expect(asked > 64 * 8)
        // What somebody begins to wait for now need not rest.
        let before = simulation.links.map(\.requests).reduce(0, +)
        simulation.add(100..<101)
        #expect(simulation.links.map(\.requests).reduce(0, +) == before + 1)
        // But what is fetched ahead does.
        simulation.add(200..<264, .prefetch)
        #expect(simulation.links.map(\.requests).reduce(0, +) <= before + 1 + 4)
        for mirror in simulation.links.indices { simulation.links[mirror].mode = .pass }
        simulation.run(for: 20)
        #expect(simulation.arrivals.count == 64 + 1 + 64)
    }

    @Test func whoAsksALimitedNumberOfTimesIsToldAsSoonAmongMany() {
        var simulation = MirrorSimulation([Link(), Link()], policy: .rounds(5))
        simulation.kill(0)
        simulation.kill(1)
        simulation.add(0..<64)
        simulation.run { $0.failures > 0 }
        // 0.2, 0.4, 0.8 and 1.6 s, a quarter more or less.
        #expect(simulation.time < 4.5, "\(simulation.time)")
        // And the others after a round each, for all have waited by then.
        simulation.run()
        #expect(simulation.failures == 64)
        #expect(simulation.time < 20, "\(simulation.time)")
        // The mirrors are asked again by whoever comes next.
        for mirror in simulation.links.indices { simulation.links[mirror].mode = .pass }
        simulation.add(100..<101)
        simulation.run()
        #expect(simulation.arrivals.map(\.block) == [100])
    }

    @Test func whoBeginsToWaitLateWaitsAsLongAsAnybody() {
        // A server that is away for 14 seconds, and reads every three.
        var simulation = MirrorSimulation([Link()], policy: .rounds(6))
        simulation.kill(0)
        for block in 0..<4 {
            simulation.add([block])
            simulation.run(for: 3) { _ in false }
        }
        #expect(simulation.time == 12 && simulation.failures > 0)
        #expect(simulation.board.rests >= 5)
        let failures = simulation.failures
        simulation.add([10])
        simulation.add([11], .prefetch)
        simulation.raise(11)
        simulation.run(for: 2) { _ in false }
        let left = simulation.board.pending.values.compactMap { MirrorSimulation.number(of: $0.request.id) }
        #expect(Set(left).isSuperset(of: [10, 11]))
        simulation.links[0].mode = .pass
        simulation.run()
        #expect(Set(simulation.arrivals.map(\.block)).isSuperset(of: [10, 11]))
        #expect(simulation.failures - failures <= 2)
    }

    @Test func longBlocksAreAskedForAFewAtATime() {
        var board = MirrorBoard(mirrors: 1, parallel: 32)
        func add(_ block: Int, _ length: Int) {
            board.add(
                BlockRequest(id: MirrorSimulation.id(block), length: length, algorithm: .sha256)
            ) { _ in }
        }
        for block in 0..<10 { add(block, 64 << 20) }
        let first = board.orders(now: 0)
        #expect(first.count == 4)
        #expect(board.orders(now: 0).isEmpty)
        _ = board.failed(first[0].number, first[0].asked, .closed, .patient, now: 1)
        #expect(board.orders(now: 1).count == 1)
        // One that is longer than all that may be under way comes alone.
        board = MirrorBoard(mirrors: 1, parallel: 32)
        add(20, MirrorBoard.mostBytes + 1)
        add(21, 1)
        #expect(blocks(board.orders(now: 0)) == [20])
    }

    private func board(_ mirrors: Int, _ blocks: [(length: Int, priority: BlockRequest.Priority)]) -> MirrorBoard {
        var board = MirrorBoard(mirrors: mirrors, parallel: 32)
        for (block, (length, priority)) in blocks.enumerated() {
            board.add(
                BlockRequest(
                    id: MirrorSimulation.id(block), length: length << 20, algorithm: .sha256, priority: priority)
            ) { _ in }
        }
        return board
    }

    @Test func longPrefetchesLeaveHalfOfTheRoomToDemands() {
        var board = board(1, Array(repeating: (64, .prefetch), count: 4))
        #expect(blocks(board.orders(now: 0)) == [0, 1])
        board.add(
            BlockRequest(id: MirrorSimulation.id(9), length: 128 << 20, algorithm: .sha256, priority: .demand)
        ) { _ in }
        #expect(blocks(board.orders(now: 0)) == [9])
    }

    @Test func shortPrefetchesDoNotGoBeforeADemandThatIsTooLongForNow() {
        var board = board(1, [(100, .demand), (200, .demand), (1, .prefetch)])
        let first = board.orders(now: 0)
        #expect(blocks(first) == [0])
        _ = board.failed(first[0].number, first[0].asked, .closed, .rounds(1), now: 1)
        #expect(blocks(board.orders(now: 2)) == [1])
    }

    @Test func aRaceForAShortBlockDoesNotWaitForALongOne() {
        var board = board(2, [(200, .demand), (1, .demand)])
        #expect(blocks(board.orders(now: 0)) == [0, 1])
        #expect(blocks(board.hedges(now: 3_000_000_000)) == [1])
    }

    @Test func whoGivesUpSaysWhatMattersMostOfAllRounds() {
        var board = MirrorBoard(mirrors: 3, parallel: 4)
        add(0, .demand, to: &board)
        let errors: [BlockStoreError] = [
            .missing(MirrorSimulation.id(0), place: "a"), .unreachable(place: "b", cause: BlockStoreError.closed),
            .corrupt(MirrorSimulation.id(0), place: "c", reason: "x"),
        ]
        var pauses: [Double] = []
        var now: UInt64 = 0
        for round in 1...3 {
            for turn in 0..<3 {
                now += 1_000_000
                guard let order = board.orders(now: now).first else {
                    Issue.record("round \(round), turn \(turn): nobody is asked")
                    return
                }
                switch board.failed(order.number, order.asked, errors[order.asked.mirror], .rounds(3), now: now) {
                case .goOn: #expect(turn < 2)
                case .wait(let seconds):
                    #expect(turn == 2 && round < 3)
                    #expect(board.orders(now: now).isEmpty)
                    pauses.append(seconds)
                    board.startRound(order.number)
                case .giveUp(_, let error):
                    #expect(turn == 2 && round == 3)
                    #expect(error.isUnreachable, "\(error)")
                }
            }
        }
        #expect(board.pending.isEmpty && board.inFlight == 0)
        // 0.2 s and 0.4 s, a quarter more or less.
        #expect(pauses.count == 2 && (0.15...0.25).contains(pauses[0]) && (0.3...0.5).contains(pauses[1]), "\(pauses)")
    }
}

@Suite struct MirrorHealthTests {
    private static let second: UInt64 = 1_000_000_000
    private let missing = BlockStoreError.missing(MirrorSimulation.id(0), place: "a")
    private let unreachable = BlockStoreError.unreachable(place: "a", cause: BlockStoreError.closed)

    @Test func oneFailureDemotesAndThreeMissingBlocksDo() {
        var health = MirrorHealth()
        #expect(!health.isFailing && !health.isDemoted(0))
        for turn in 1...3 {
            health.failed(missing, now: 5)
            #expect(health.isFailing)
            #expect(health.isDemoted(5) == (turn == 3))
        }
        health.succeeded()
        #expect(!health.isFailing && !health.isDemoted(5))
        health.failed(unreachable, now: 5)
        #expect(health.demotedUntil == 5 + 15 * Self.second)
        #expect(!health.isDueForTrial(5))
        #expect(health.isDueForTrial(5 + 15 * Self.second))
    }

    @Test func beingOvertakenThreeTimesDemotes() {
        var health = MirrorHealth()
        health.wasOvertaken(now: 0)
        health.wasOvertaken(now: 0)
        #expect(!health.isDemoted(0))
        health.wasOvertaken(now: 0)
        #expect(health.isDemoted(0))
    }

    @Test func eachTrialThatFailsDoublesTheTimeUpToTwoMinutes() {
        var health = MirrorHealth()
        var (now, spans): (UInt64, [UInt64]) = (0, [])
        health.failed(unreachable, now: now)
        for _ in 0..<6 {
            spans.append((health.demotedUntil - now) / Self.second)
            // Requests that were under way fail as well: that is no new failure.
            let until = health.demotedUntil
            health.failed(unreachable, now: now + 1)
            #expect(health.demotedUntil == until)
            now = until
            #expect(health.isDueForTrial(now))
            health.startTrial(now: now)
            #expect(!health.isDueForTrial(now) && health.isDemoted(now), "the others wait for what comes of it")
            health.failed(unreachable, now: now)
        }
        #expect(spans == [15, 30, 60, 120, 120, 120])
        health.startTrial(now: now)
        health.succeeded()
        #expect(!health.isDemoted(now))
        health.failed(unreachable, now: now)
        #expect(health.demotedUntil == now + 15 * Self.second, "forgiven")
    }
}

@Suite struct MirrorEstimateTests {
    private static let second: UInt64 = 1_000_000_000

    private func near(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) < 1e-6 * expected }

    /// One block of 100 kB that took 50 ms to its first byte and 100 ms in all: 2 MB/s.
    private func measured() -> MirrorEstimate {
        var estimate = MirrorEstimate()
        estimate.began(bytes: 100_000, now: Self.second)
        estimate.ended(bytes: 100_000, now: Self.second + 100_000_000)
        estimate.received(bytes: 100_000, wait: 0.05, wasIdle: true, now: Self.second + 100_000_000)
        return estimate
    }

    @Test func aStrangerIsTakenForFiftyMillisecondsAndTwoMegabytesASecond() {
        let estimate = MirrorEstimate()
        #expect(!estimate.isMeasured)
        #expect(near(estimate.expected(bytes: 100_000, now: 0), 0.1))
        #expect(estimate.window(meanBytes: 100_000) == 6)
    }

    @Test func theFirstBlockTellsLatencyAndRate() {
        let estimate = measured()
        let now = Self.second + 100_000_000
        #expect(estimate.latency == 0.05)
        #expect(near(estimate.expected(bytes: 100_000, now: now), 0.05 + 0.05))
        #expect(near(estimate.expected(bytes: 300_000, ahead: 200_000, now: now), 0.05 + 0.25))
        // Twice what the link has under way in a round trip, and two more.
        #expect(estimate.window(meanBytes: 100_000) == 4)
        #expect(estimate.window(meanBytes: 20_000) == 12)
    }

    @Test func whatIsUnderWayComesFirst() {
        var estimate = measured()
        let now = Self.second + 100_000_000
        estimate.began(bytes: 200_000, now: now)
        #expect(estimate.inFlight == 1)
        #expect(near(estimate.expected(bytes: 100_000, now: now), 0.05 + 0.15))
        estimate.ended(bytes: 200_000, now: now)
        #expect(near(estimate.expected(bytes: 100_000, now: now), 0.1))
    }

    @Test func aMirrorThatNobodyAskedLooksTwiceAsGoodEveryMinute() {
        let estimate = measured()
        let now = Self.second + 100_000_000
        #expect(near(estimate.expected(bytes: 100_000, now: now + 60 * Self.second), 0.05))
        #expect(near(estimate.expected(bytes: 100_000, now: now + 120 * Self.second), 0.025))
        // A thousand times at most.
        #expect(near(estimate.expected(bytes: 100_000, now: now + 86_400 * Self.second), 0.1 / 1024))
    }

    @Test func silenceCountsOnceItIsLongerThanUsual() {
        var estimate = measured()
        let now = Self.second + 100_000_000
        estimate.began(bytes: 100_000, now: now)
        let usual = 0.05 + 0.1
        #expect(near(estimate.expected(bytes: 100_000, now: now + 300_000_000), usual))
        #expect(near(estimate.expected(bytes: 100_000, now: now + 2 * Self.second), usual + 2))
    }

    @Test func beingOvertakenSaysHowLongItTookAtLeast() {
        var estimate = measured()
        estimate.wasOvertaken(after: 1.5)
        #expect(estimate.latency == 1.5)
        estimate.wasOvertaken(after: 0.1)
        #expect(estimate.latency == 1.5)
    }

    @Test func latencyIsSmoothed() {
        var estimate = measured()
        let now = 2 * Self.second
        estimate.began(bytes: 100_000, now: now)
        estimate.ended(bytes: 100_000, now: now + 100_000_000)
        estimate.received(bytes: 100_000, wait: 0.09, wasIdle: false, now: now + 100_000_000)
        #expect(near(estimate.latency ?? 0, 0.05 + 0.25 * 0.04))
    }
}
