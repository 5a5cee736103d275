import Linux
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TimerQueueTests {
    private final class Calls: Sendable {
        let numbers = Mutex<[Int]>([])

        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
        var all: [Int] { numbers.withLock { $0 } }
    }

    @Test func alarmsComeInTheOrderOfTheirTimes() async throws {
        let (queue, calls) = (TimerQueue(), Calls())
        let begun = ContinuousClock.now
        for number in [5, 1, 4, 2, 3] {
            queue.schedule(after: .milliseconds(number * 50)) { calls.add(number) }
        }
        #expect(await eventually { calls.all.count == 5 })
        #expect(calls.all == [1, 2, 3, 4, 5])
        #expect(ContinuousClock.now - begun >= .milliseconds(250))
    }

    @Test func anEarlierAlarmIsNotHeldUpByALaterOne() async throws {
        let (queue, calls) = (TimerQueue(), Calls())
        queue.schedule(after: .seconds(3600)) { calls.add(1) }
        queue.schedule(after: .zero) { calls.add(2) }
        #expect(await eventually { calls.all == [2] })
        queue.schedule(after: .seconds(-5)) { calls.add(3) }
        #expect(await eventually { calls.all == [2, 3] })
    }

    @Test func aCancelledAlarmDoesNotComeAndKeepsNothing() async throws {
        final class Kept: Sendable {}
        let (queue, calls) = (TimerQueue(), Calls())
        var kept: Kept? = Kept()
        weak let seen = kept
        let alarm = queue.schedule(after: .milliseconds(50)) { [kept] in
            _ = kept
            calls.add(1)
        }
        kept = nil
        #expect(seen != nil)
        alarm.cancel()
        #expect(seen == nil)
        queue.schedule(after: .milliseconds(100)) { calls.add(2) }
        #expect(await eventually { !calls.all.isEmpty })
        #expect(calls.all == [2])
    }

    @Test func anAlarmThatWasCancelledBeforeIsNotSet() async throws {
        let (queue, calls) = (TimerQueue(), Calls())
        let alarm = TimerQueue.Alarm()
        alarm.cancel()
        queue.schedule(alarm, after: .zero) { calls.add(1) }
        queue.schedule(after: .milliseconds(20)) { calls.add(2) }
        #expect(await eventually { calls.all == [2] })
    }

    @Test func manyThreadsMaySetAlarms() async throws {
        let (queue, calls) = (TimerQueue(), Calls())
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask { queue.schedule(after: .milliseconds(number % 7)) { calls.add(number) } }
            }
        }
        #expect(await eventually { calls.all.count == 200 })
        #expect(Set(calls.all) == Set(0..<200))
    }
}

@Suite struct MonitorTests {
    @Test func aChangeThatDoesNotMatterWakesNobody() throws {
        let value = Monitor(0)
        #expect(value.change(wakingIf: { ($0 + 1, false) }) == 1)
        #expect(
            value.change(wakingIf: { number -> (result: Int, wakes: Bool) in
                number = 5
                return (number, true)
            }) == 5)
        #expect(value.wait { $0 == 5 ? true : nil } == true)
        let now = MonotonicClock.nanoseconds
        #expect(value.wait(until: { _ in now + 1_000_000 }) { $0 == 6 ? true : nil } == nil)
    }
}
