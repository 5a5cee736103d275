import Testing

@testable import Boot

/// Whether a guest is healthy, whatever happens to it, in whatever order.
@Suite struct HealthWatchTests {
    /// What happens, after so many seconds, in which reads waited for so many.
    struct Step: Sendable {
        let signal: HealthWatch.Signal
        let seconds: Int
        var waited = 0
        var times = 1

        static func looks(_ count: Int, waited: Int = 0) -> Step {
            Step(signal: .look, seconds: 1, waited: waited, times: count)
        }
        static func now(_ signal: HealthWatch.Signal) -> Step { Step(signal: signal, seconds: 0) }
    }

    struct Case: Sendable, CustomStringConvertible {
        let description: String
        var limit: Int? = 100
        let steps: [Step]
        let verdicts: [HealthWatch.Verdict]

        init(_ description: String, limit: Int? = 100, _ steps: [Step], _ verdicts: HealthWatch.Verdict...) {
            (self.description, self.limit, self.steps, self.verdicts) = (description, limit, steps, verdicts)
        }
    }

    static let cases = [
        Case("at its login", [.looks(30), .now(.login(isSerial: true))], .healthy(after: .seconds(30))),
        Case(
            "at its login, twice", [.now(.login(isSerial: true)), .now(.login(isSerial: true))], .healthy(after: .zero)),
        Case("reached by ssh", [.looks(30), .now(.login(isSerial: false))], .healthy(after: nil)),
        Case(
            "reached by ssh, then at its login",
            [
                .looks(30), .now(.login(isSerial: false)), .now(.login(isSerial: false)), .looks(2), .now(.restarted),
                .now(.restarted), .looks(200), .now(.login(isSerial: true)), .now(.login(isSerial: true)),
            ],
            .healthy(after: nil), .healthy(after: .seconds(232))),
        Case(
            "reached by ssh, and at its login much later",
            [.now(.login(isSerial: false)), .looks(4000), .now(.login(isSerial: true))], .healthy(after: nil)),
        Case("not there in time", [.looks(99)]),
        Case("late", [.looks(100), .looks(100)], .unhealthy(.late)),
        Case(
            "late, and there after all", [.looks(100), .looks(7), .now(.login(isSerial: true))], .unhealthy(.late),
            .healthy(after: .seconds(107))),
        // A healthy guest may do what it likes.
        Case(
            "healthy, then anything",
            [.now(.login(isSerial: true)), .now(.restarted), .now(.restarted), .now(.crashed), .looks(1000)],
            .healthy(after: .zero)),
        // Some start anew once, at their first boot.
        Case("one restart", [.looks(5), .now(.restarted), .looks(94)]),
        Case("two restarts", [.looks(5), .now(.restarted), .looks(5), .now(.restarted)], .unhealthy(.restarts)),
        Case("many restarts", [.now(.restarted), .now(.restarted), .now(.restarted)], .unhealthy(.restarts)),
        Case("crashed", [.looks(5), .now(.crashed), .looks(200)], .unhealthy(.crashed)),
        // Time that is not the version's.
        Case("blocks that do not come", [.looks(50), .looks(5000, waited: 1), .looks(49)]),
        Case("blocks that came at last", [.looks(50), .looks(5000, waited: 1), .looks(50)], .unhealthy(.late)),
        Case("paused", [.looks(99), .now(.held(true)), .looks(5000), .now(.held(false))]),
        Case(
            "paused, then late", [.looks(99), .now(.held(true)), .looks(5000), .now(.held(false)), .looks(1)],
            .unhealthy(.late)),
        Case(
            "paused while blocks are missing",
            [.now(.held(true)), .looks(500, waited: 1), .now(.held(false)), .looks(99)]),
        Case(
            "at its login after a pause",
            [.looks(10), .now(.held(true)), .looks(60), .now(.held(false)), .looks(10), .now(.login(isSerial: true))],
            .healthy(after: .seconds(20))),
        // The session was stopped, or the machine had better things to do.
        Case("nobody looked", [Step(signal: .look, seconds: 3600), .looks(94)]),
        Case(
            "a clock that stands still, or waits that are more than time",
            [.looks(99), Step(signal: .look, seconds: 0, waited: 50)]),
        // Who asked for its end wants no other guest.
        Case(
            "being stopped",
            [.looks(99), .now(.stopping), .looks(100), .now(.restarted), .now(.restarted), .now(.crashed)]),
        Case(
            "being stopped, and at its login", [.now(.stopping), .now(.login(isSerial: true))], .healthy(after: .zero)),
        // One that is not judged.
        Case("only measured", limit: nil, [.now(.restarted), .now(.restarted), .now(.crashed), .looks(9999)]),
        Case(
            "only measured, at its login", limit: nil, [.looks(40), .now(.login(isSerial: true))],
            .healthy(after: .seconds(40))),
    ]

    @Test(arguments: cases) func everyCaseHasItsVerdict(_ each: Case) {
        var (time, waited) = (Duration.seconds(1000), Duration.seconds(7))
        var watch = HealthWatch(limit: each.limit.map { .seconds($0) }, start: .init(time: time, waited: waited))
        var verdicts: [HealthWatch.Verdict] = []
        for step in each.steps {
            for _ in 0..<step.times {
                time += .seconds(step.seconds)
                waited += .seconds(step.waited)
                if let new = watch.take(step.signal, at: .init(time: time, waited: waited)) { verdicts.append(new) }
            }
        }
        #expect(verdicts == each.verdicts)
    }

    @Test func looksBecomeFewerWhereNoneDecidesAnything() {
        var (time, looks) = (Duration.zero, 0)
        var watch = HealthWatch(limit: nil, start: .init(time: time, waited: .zero))
        while time < .seconds(3600) {
            #expect(watch.take(.look, at: .init(time: time, waited: .zero)) == nil)
            looks += 1
            time += watch.pause
        }
        #expect((20..<120).contains(looks), "\(looks)")
        let verdict = watch.take(.login(isSerial: true), at: .init(time: time, waited: .zero))
        #expect(verdict == .healthy(after: time), "and none of the time is lost")
    }

    @Test func aGuestThatIsJudgedIsLookedAtEverySecond() {
        var watch = HealthWatch(limit: .seconds(1000), start: .init(time: .zero, waited: .zero))
        for second in 1..<900 { _ = watch.take(.look, at: .init(time: .seconds(second), waited: .zero)) }
        #expect(watch.pause == .seconds(1) && watch.isJudging)
        _ = watch.take(.held(true), at: .init(time: .seconds(900), waited: .zero))
        #expect(watch.pause > .seconds(1))
        _ = watch.take(.held(false), at: .init(time: .seconds(5000), waited: .zero))
        _ = watch.take(.login(isSerial: false), at: .init(time: .seconds(5001), waited: .zero))
        #expect(watch.pause > .seconds(20) && !watch.isJudging)
    }
}
