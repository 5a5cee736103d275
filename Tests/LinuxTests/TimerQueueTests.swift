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

    /// How often the threads of queues have begun to wait so far.
    private static func wakeUps() -> Int {
        Folder.namesIfAny(in: "/proc/self/task").reduce(0) { sum, thread in
            // One that has ended meanwhile has none.
            let text = (try? FileContents.readText("/proc/self/task/\(thread)/status", limit: 65_536)) ?? ""
            guard text.hasPrefix("Name:\ttimers\n"),
                let line = text.split(separator: "\n").first(where: { $0.hasPrefix("voluntary_ctxt_switches:") })
            else { return sum }
            return sum + (Int(line.split(separator: "\t").last ?? "") ?? 0)
        }
    }

    @Test func cancelledAlarmsWakeNobody() async throws {
        let (queue, calls) = (TimerQueue(), Calls())
        queue.schedule(after: .zero) { calls.add(0) }
        #expect(await eventually { calls.all == [0] })
        let alarms = (0..<2000).map { number in
            queue.schedule(after: .milliseconds(300) + .microseconds(500 * number)) { calls.add(number) }
        }
        for alarm in alarms { alarm.cancel() }
        let before = Self.wakeUps()
        queue.schedule(after: .milliseconds(1400)) { calls.add(1) }
        #expect(await eventually { calls.all == [0, 1] })
        #expect(before > 0 && Self.wakeUps() - before < 500)
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
