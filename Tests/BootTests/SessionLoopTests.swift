import Testing

@testable import Boot

/// What a session does about a running guest, whatever happens and in whatever state it is.
@Suite struct SessionLoopTests {
    /// Signals by short names; those that end in `?` come while blocks are missing.
    private static let signals: [String: SessionSignal] = [
        "stop": .stop(force: false), "force": .stop(force: true), "pause": .pause, "resume": .resume,
        "stall?": .stallChanged, "stall over": .stallChanged,
        "paused?": .guest(.paused(isForError: true)), "paused": .guest(.paused(isForError: true)),
        "seen paused": .seen(.paused(isForError: true)), "seen held": .seen(.paused(isForError: false)),
        "full": .guest(.ioError(device: "d", isFull: true)), "fails": .guest(.ioError(device: "d", isFull: false)),
        "no room": .room(.init(stopsGuest: true, stopsLogins: true)), "little room": .room(.init(stopsLogins: true)),
        "room": .room(.init()), "waited 1": .waited(1), "waited 2": .waited(2), "running": .seen(.running),
        "unknown": .seen(.unknown),
        "gone": .seen(.off), "ended": .guest(.stopped(hasFailed: false)), "died": .guest(.stopped(hasFailed: true)),
        "crashed": .guest(.crashed), "unmounted": .mountEnded,
        "untrue": .untrue(SessionFailure(exitCode: 65, message: "wrong digest")), "tick": .tick,
        "unhealthy": .unhealthy(SessionFailure(exitCode: 69, message: "not up")),
        "restarted": .guest(.restarted), "resumed": .guest(.resumed),
        "suspend done": .ended(.suspend, isDone: true), "suspend failed": .ended(.suspend, isDone: false),
        "save": .suspend, "taken": .detached(true), "not taken": .detached(false), "saved": .saved(true),
        "not saved": .saved(false),
        "resume done": .ended(.resume, isDone: true), "resume failed": .ended(.resume, isDone: false),
    ]

    private static func text(_ action: SessionLoop.Action) -> String {
        switch action {
        case .letReadsWait(let may): may ? "reads wait" : "reads fail"
        case .stop(let force, let time): force ? "force" : "stop in \(time.components.seconds)"
        case .call(let call): call == .suspend ? "suspend" : "resume"
        case .detach: "detach"
        case .attach: "attach"
        case .save: "save"
        case .cancelSaving(let isUrgent): isUrgent ? "cancel now" : "cancel"
        case .reportNotSaved: "report not saved"
        case .wait(let delay, let number): "wait \(delay.components.seconds) as \(number)"
        case .endWait: "end wait"
        case .look: "look"
        case .report(let trouble): "report \(trouble)"
        case .clearReport: "clear"
        case .show(let state, let wait): "show \(state.rawValue)\(wait.map { " \($0.rawValue)" } ?? "")"
        case .end(let failure): "end\(failure.map { " \($0.exitCode): \($0.message)" } ?? "")"
        }
    }

    private func take(_ name: String, _ loop: inout SessionLoop) -> [String] {
        guard let signal = Self.signals[name] else {
            Issue.record("there is no signal '\(name)'")
            return []
        }
        return loop.take(signal, blocksAreMissing: name.hasSuffix("?")).map(Self.text)
    }

    /// Gives signals in turn, and compares what follows from each.
    private func check(_ steps: [(String, [String])], _ location: SourceLocation = #_sourceLocation) {
        var loop = SessionLoop(shutdown: .seconds(60))
        for (number, (name, actions)) in steps.enumerated() {
            #expect(take(name, &loop) == actions, "\(number): \(name)", sourceLocation: location)
        }
    }

    // MARK: Every signal in every state

    /// What follows in most states; a state's row says what else does.
    private static let usual: [String: [String]] = [
        "stop": ["stop in 60", "show stopping"], "force": ["reads fail", "force", "show stopping"],
        "unmounted": ["reads fail", "force", "show stopping"], "tick": ["look"], "full": ["report full"],
        "gone": ["end"], "ended": ["end"], "died": ["end 69: QEMU or libvirt ended the guest"],
        "no room": ["report reserve"], "little room": ["report loginsReserve"], "save": ["detach"],
    ]
    /// While reads fail anyway.
    private static let quiet: [String: [String]] = [
        "stop": ["reads wait", "stop in 60", "show stopping"], "force": ["force", "show stopping"],
        "unmounted": ["force", "show stopping"],
    ]
    private static let ending: [String: [String]] = ["stop": [], "unmounted": [], "died": ["end"], "save": []]

    /// How a state is reached, and what follows from each signal there; nothing from those that are not named.
    struct State: Sendable, CustomStringConvertible {
        let description: String
        let path: [String]
        var isQuiet = false
        var isEnding = false
        let actions: [String: [String]]
    }

    static let states = [
        State(
            description: "running", path: [],
            actions: [
                "no room": ["report reserve", "reads fail", "suspend", "show waiting space"], "room": ["clear"],
                "pause": ["reads fail", "suspend", "show paused"], "stall?": ["show waiting blocks"],
                "paused?": ["show waiting blocks"], "paused": ["resume", "show waiting disk"],
                "seen paused": ["resume", "show waiting disk"], "full": ["report full", "show waiting space"],
                "fails": ["report failing"], "running": ["clear"],
            ]),
        State(
            description: "blocks are missing, and QEMU has not paused the guest yet", path: ["stall?"],
            actions: [
                "no room": ["report reserve", "reads fail", "suspend", "show waiting space"],
                "pause": ["reads fail", "suspend", "show paused"], "stall over": ["show running", "clear"],
                "paused": ["resume", "show waiting disk"], "seen paused": ["resume", "show waiting disk"],
                "full": ["report full", "show waiting space"], "fails": ["report failing"],
            ]),
        State(
            description: "waiting for blocks", path: ["stall?", "paused?"],
            actions: [
                "no room": ["report reserve", "reads fail", "suspend", "show waiting space"],
                "pause": ["reads fail", "suspend", "show paused"], "stall over": ["resume", "show waiting disk"],
                "paused": ["resume", "show waiting disk"], "seen paused": ["resume", "show waiting disk"],
                "full": ["report full", "show waiting space"], "fails": ["report failing"],
            ]),
        State(
            description: "being resumed after an error", path: ["paused"],
            actions: [
                "no room": ["report reserve", "reads fail", "show waiting space"],
                "pause": ["reads fail", "show paused"], "stall?": ["show waiting blocks"],
                "paused?": ["show waiting blocks"], "full": ["report full", "show waiting space"],
                "fails": ["report failing"],
            ]),
        State(
            description: "a resumption is due in a second", path: ["paused", "resume done", "paused"],
            actions: [
                "no room": ["report reserve", "end wait", "reads fail", "suspend", "show waiting space"],
                "stop": ["stop in 60", "end wait", "show stopping"],
                "force": ["reads fail", "force", "end wait", "show stopping"],
                "unmounted": ["reads fail", "force", "end wait", "show stopping"],
                "pause": ["end wait", "reads fail", "suspend", "show paused"],
                "stall?": ["end wait", "show waiting blocks"], "stall over": ["end wait", "resume"],
                "paused?": ["end wait", "show waiting blocks"], "full": ["report full", "show waiting space"],
                "fails": ["report failing"], "waited 1": ["resume"],
            ]),
        State(
            description: "being resumed after the disk was full", path: ["full", "paused"],
            actions: [
                "no room": ["report reserve", "reads fail"], "pause": ["reads fail", "show paused"],
                "fails": ["report failing"],
            ]),
        State(
            description: "being suspended", path: ["pause"], isQuiet: true,
            actions: ["stop": ["stop in 60", "show stopping"], "resume": ["show running", "clear"]]),
        State(
            description: "paused by the user", path: ["pause", "suspend done"], isQuiet: true,
            actions: ["resume": ["reads wait", "resume", "show running", "clear"]]),
        State(
            description: "being resumed by the user", path: ["pause", "suspend done", "resume"],
            actions: [
                "no room": ["report reserve", "reads fail", "show waiting space"], "room": ["clear"],
                "pause": ["reads fail", "show paused"], "stall?": ["show waiting blocks"],
                "paused?": ["show waiting blocks"], "paused": ["show waiting disk"],
                "seen paused": ["show waiting disk"], "full": ["report full", "show waiting space"],
                "fails": ["report failing"], "running": ["clear"],
            ]),
        State(
            description: "shutting down", path: ["stop"], isEnding: true,
            actions: ["force": ["reads fail", "force"], "fails": ["report failing"]]),
        State(
            description: "shutting down while paused", path: ["pause", "suspend done", "stop"], isEnding: true,
            actions: ["force": ["reads fail", "force"], "fails": ["report failing"]]),
        State(description: "being forced off", path: ["force"], isEnding: true, actions: ["force": []]),
        State(description: "forced off after a stop", path: ["stop", "force"], isEnding: true, actions: ["force": []]),
        State(description: "unmounted", path: ["unmounted"], isEnding: true, actions: ["force": []]),
    ]

    @Test(arguments: states) func everySignalHasItsActions(state: State) {
        let expected = Self.usual
            .merging(state.isQuiet ? Self.quiet : [:]) { $1 }
            .merging(state.isEnding ? Self.ending : [:]) { $1 }
            .merging(state.actions) { $1 }
        for name in Self.signals.keys.sorted() where !name.hasSuffix("done") && !name.hasSuffix("failed") {
            var loop = SessionLoop(shutdown: .seconds(60))
            for step in state.path { _ = take(step, &loop) }
            // What is untrue is ended as if the user had forced it off, and what is unhealthy as if he had stopped it, but sooner.
            var actions = expected[name == "untrue" ? "force" : name == "unhealthy" ? "stop" : name] ?? []
            if name == "unhealthy" { actions = actions.map { $0 == "stop in 60" ? "stop in 10" : $0 } }
            if state.path.last == "unmounted", actions.first?.hasPrefix("end") == true {
                actions = ["end 69: something else unmounted the guest's disk"]
            }
            #expect(take(name, &loop) == actions, "\(name), \(state)")
        }
    }

    // MARK: One after the other

    @Test func aGuestThatReadWhatIsUntrueEndsWithTheReasonEvenIfItWasShuttingDown() {
        check([
            ("stop", ["stop in 60", "show stopping"]), ("untrue", ["reads fail", "force"]),
            ("ended", ["end 65: wrong digest"]),
        ])
        check([
            ("force", ["reads fail", "force", "show stopping"]), ("untrue", []), ("gone", ["end 65: wrong digest"]),
        ])
    }

    @Test func aGuestThatDidNotComeUpEndsWithTheReasonUnlessItsEndWasAskedFor() {
        check([
            ("unhealthy", ["stop in 10", "show stopping"]), ("restarted", []), ("died", ["end 69: not up"]),
        ])
        check([
            ("stop", ["stop in 60", "show stopping"]), ("unhealthy", []), ("ended", ["end"]),
        ])
        check([
            ("unhealthy", ["stop in 10", "show stopping"]), ("force", ["reads fail", "force"]),
            ("gone", ["end 69: not up"]),
        ])
    }

    @Test func aGuestWaitsAtTheReserveOfItsDiskWithAReason() {
        check([
            ("little room", ["report loginsReserve"]), ("running", ["report loginsReserve"]), ("tick", ["look"]),
            ("no room", ["report reserve", "reads fail", "suspend", "show waiting space"]), ("suspend done", []),
            ("seen held", []), ("tick", ["look"]),
            ("little room", ["report loginsReserve", "reads wait", "resume", "show running", "report loginsReserve"]),
            ("resume done", []), ("room", ["clear"]), ("running", ["clear"]),
        ])
        // libvirt could not pause it: it is tried again.
        check([
            ("no room", ["report reserve", "reads fail", "suspend", "show waiting space"]),
            ("suspend failed", ["wait 1 as 1"]), ("waited 1", ["suspend"]), ("suspend done", []),
            ("room", ["reads wait", "resume", "show running", "clear"]),
        ])
        // Both troubles at once: the disk is full for QEMU before the session has looked.
        check([
            ("full", ["report full", "show waiting space"]), ("paused", ["resume"]),
            ("no room", ["report reserve", "reads fail"]), ("resume done", ["suspend"]), ("suspend done", []),
            ("room", ["reads wait", "resume"]), ("resume done", []), ("running", ["show running", "clear"]),
        ])
        check([
            ("no room", ["report reserve", "reads fail", "suspend", "show waiting space"]), ("suspend done", []),
            ("stop", ["reads wait", "stop in 60", "show stopping"]), ("ended", ["end"]),
        ])
    }

    @Test func aGuestThatTheUserPausedWhileAResumptionWasDueStaysPaused() {
        check([
            ("paused", ["resume", "show waiting disk"]), ("resume done", ["show running", "clear"]),
            ("paused", ["wait 1 as 1", "show waiting disk"]),
            ("pause", ["end wait", "reads fail", "suspend", "show paused"]),
            // It was under way when it was ended.
            ("waited 1", []), ("suspend done", []), ("seen paused", []), ("stall over", []),
            ("resume", ["reads wait", "resume", "show waiting disk"]),
            ("resume done", ["show running", "clear"]),
        ])
    }

    @Test func aWaitThatWasReplacedDoesNotShortenTheNext() {
        check([
            ("paused", ["resume", "show waiting disk"]), ("resume done", ["show running", "clear"]),
            ("paused", ["wait 1 as 1", "show waiting disk"]), ("stall?", ["end wait", "show waiting blocks"]),
            ("stall over", ["resume", "show waiting disk"]), ("resume done", ["show running", "clear"]),
            ("paused", ["wait 1 as 2", "show waiting disk"]), ("waited 1", []), ("tick", ["look"]),
            ("waited 2", ["resume"]), ("resume done", ["show running", "clear"]),
        ])
    }

    @Test func pausesAndResumptionsInQuickSuccessionAreCarriedOutInTheirOrder() {
        check([
            ("pause", ["reads fail", "suspend", "show paused"]), ("resume", ["show running", "clear"]),
            ("suspend done", ["reads wait", "resume"]), ("pause", ["reads fail", "show paused"]),
            ("resume done", ["suspend"]), ("resume", ["show running", "clear"]), ("pause", ["show paused"]),
            ("suspend done", []),
        ])
        // While libvirt suspends the guest no read may wait, even if the guest is to shut down next.
        check([
            ("pause", ["reads fail", "suspend", "show paused"]), ("stop", ["stop in 60", "show stopping"]),
            ("suspend done", ["reads wait"]),
        ])
        // The same where libvirt could not suspend it.
        check([
            ("pause", ["reads fail", "suspend", "show paused"]), ("stop", ["stop in 60", "show stopping"]),
            ("suspend failed", ["reads wait"]), ("ended", ["end"]),
        ])
        check([
            ("pause", ["reads fail", "suspend", "show paused"]),
            ("suspend failed", ["reads wait", "show running", "clear"]),
        ])
    }

    @Test func aResumptionThatFailsIsTriedAgainEverMoreSlowly() {
        var steps = [("paused", ["resume", "show waiting disk"])]
        for (number, seconds) in [1, 2].enumerated() {
            steps += [
                ("resume failed", ["wait \(seconds) as \(number + 1)"]), ("waited \(number + 1)", ["resume"]),
            ]
        }
        check(steps + [("resume done", ["show running", "clear"])])
        // Not for a guest that is to shut down.
        check([
            ("paused", ["resume", "show waiting disk"]), ("stop", ["stop in 60", "show stopping"]),
            ("resume failed", []), ("ended", ["end"]),
        ])
    }

    @Test func aGuestWithoutRoomIsTriedEveryFewSecondsUntilItRuns() {
        var loop = SessionLoop(shutdown: .seconds(60))
        #expect(take("full", &loop) == ["report full", "show waiting space"])
        #expect(take("paused", &loop) == ["resume"])
        for seconds in [1, 2, 4, 5, 5] {
            // It is not shown as running in between.
            #expect(take("resume done", &loop) == [])
            #expect(take("full", &loop) == ["report full"])
            let actions = loop.take(.guest(.paused(isForError: true)), blocksAreMissing: false)
            guard case .wait(let delay, let number)? = actions.first, delay == .seconds(seconds) else {
                Issue.record("\(actions) and not a wait of \(seconds) seconds")
                return
            }
            #expect(loop.take(.waited(number), blocksAreMissing: false) == [.call(.resume)])
        }
        #expect(take("resume done", &loop) == [])
        #expect(take("running", &loop) == ["show running", "clear"])
    }

    @Test func aDiskThatFailsIsReportedUntilTheGuestRunsAgain() {
        check([
            ("fails", ["report failing"]), ("paused", ["resume", "show waiting disk"]),
            ("resume done", ["show running", "clear"]), ("running", ["clear"]),
        ])
        // A block that is missing is not the disk's fault.
        #expect(SessionLoop.actions(of: .guest(.ioError(device: "d", isFull: false)), blocksAreMissing: true) == [])
    }

    @Test func libvirtMayBeAwayForAMoment() {
        check([
            ("tick", ["look"]), ("unknown", []), ("tick", ["look"]), ("unknown", []), ("running", ["clear"]),
            ("tick", ["look"]), ("gone", ["end"]),
        ])
        // An event that was lost is made up for.
        check([("tick", ["look"]), ("seen paused", ["resume", "show waiting disk"])])
    }

    @Test func theFirstFailureIsTheReasonForTheEnd() {
        check([("crashed", []), ("died", ["end 1: the guest crashed"])])
        check([("crashed", []), ("ended", ["end 1: the guest crashed"])])
        check([("stop", ["stop in 60", "show stopping"]), ("crashed", []), ("gone", ["end 1: the guest crashed"])])
        check([
            ("unmounted", ["reads fail", "force", "show stopping"]), ("crashed", []),
            ("died", ["end 69: something else unmounted the guest's disk"]),
        ])
        // The image is unmounted when a session ends, too.
        check([("stop", ["stop in 60", "show stopping"]), ("unmounted", []), ("ended", ["end"])])
    }
}

extension SessionLoop {
    /// Of a guest that runs.
    fileprivate static func actions(of signal: SessionSignal, blocksAreMissing: Bool) -> [Action] {
        var loop = SessionLoop(shutdown: .seconds(60))
        return loop.take(signal, blocksAreMissing: blocksAreMissing)
    }
}
