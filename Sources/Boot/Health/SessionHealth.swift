import Catalog
import GuestDomain
import Linux
import Synchronization

/// Watches whether a session's guest comes up, and keeps what it finds in the system's record. What it decides is ``HealthWatch``'s and
/// ``HealthPlan``'s; that the guest is stopped is the session's.
final class SessionHealth: Sendable {
    private let plan: HealthPlan
    private let accel: String
    private let library: HealthLibrary
    private let directory: SessionDirectory
    private let state: SessionState
    private let signals: AsyncStream<SessionSignal>.Continuation
    private let waited: @Sendable () -> UInt64
    /// Blames the warm state that the guest went on from; nil for one that booted.
    private let blame: (@Sendable () -> Void)?
    private let log: @Sendable (String) -> Void
    /// The home that goes from one guest to the next, and its backup.
    private let home: (name: String, backup: String?)?
    private let watch: Mutex<HealthWatch>
    private let decided = Mutex<Rollback?>(nil)

    /// The guest has just been started.
    /// - Parameters:
    ///   - waited: nanoseconds in which reads of the image have waited for blocks.
    ///   - blame: blames the warm state that the guest went on from, and not its version, for its not coming up; nil for one that booted.
    ///   - log: writes a line to the log of the session.
    init(
        _ plan: HealthPlan, accel: String, library: HealthLibrary, directory: SessionDirectory, state: SessionState,
        signals: AsyncStream<SessionSignal>.Continuation, home: (name: String, backup: String?)?,
        waited: @escaping @Sendable () -> UInt64, blame: (@Sendable () -> Void)? = nil,
        log: @escaping @Sendable (String) -> Void
    ) {
        (self.plan, self.accel, self.library, self.directory) = (plan, accel, library, directory)
        (self.state, self.signals, self.home, self.waited, self.log) = (state, signals, home, waited, log)
        self.blame = blame
        watch = Mutex(HealthWatch(limit: plan.limit, start: SessionHealth.moment(waited())))
    }

    /// What is to boot in the guest's place; nil as long as, and where, nothing is.
    var rollback: Rollback? { decided.withLock { $0 } }

    /// Looks again and again, until the task is cancelled or there is nothing left to see.
    func follow() -> Task<Void, Never> {
        Task {
            while !Task.isCancelled, take(.look) {
                // One that is cancelled ends with the loop.
                try? await Task.sleep(for: watch.withLock { $0.pause })
            }
        }
    }

    /// Whether the guest still has to come to its login in time.
    var isJudging: Bool { watch.withLock { $0.isJudging } }

    /// A guest that libvirt does not tell of may be anything.
    func seen(_ signal: SessionSignal) {
        switch signal {
        case .guest(.restarted): take(.restarted)
        case .guest(.crashed):
            // Also of a version that is not judged; afterwards nothing more is noted of a state that a console answered from.
            blame?()
            take(.crashed)
        case .stop, .untrue, .mountEnded, .guest(.stopped), .seen(.off): take(.stopping)
        case .seen(let state): isUnknown.store(state == .unknown, ordering: .relaxed)
        default: return
        }
        hold()
    }

    /// The user is shown another state of the guest.
    func shown(_ now: SessionStatus.State) {
        isWaiting.store(now != .running, ordering: .relaxed)
        hold()
    }

    private let isWaiting = Atomic(false)
    private let isUnknown = Atomic(false)

    private func hold() {
        take(.held(isWaiting.load(ordering: .relaxed) || isUnknown.load(ordering: .relaxed)))
    }

    /// - Returns: whether anything can still change.
    @discardableResult
    func take(_ signal: HealthWatch.Signal) -> Bool {
        let moment = SessionHealth.moment(waited())
        let (new, isOver) = watch.withLock { ($0.take(signal, at: moment), $0.isOver) }
        switch new {
        case .healthy(let seconds): act { $0.noteHealthy(seconds) }
        case .unhealthy(let fault): act { $0.noteUnhealthy(fault) }
        case nil: break
        }
        return !isOver
    }

    private static func moment(_ waited: UInt64) -> HealthWatch.Moment {
        HealthWatch.Moment(
            time: .nanoseconds(Int64(clamping: MonotonicClock.nanoseconds)),
            waited: .nanoseconds(Int64(clamping: waited)))
    }

    /// On a thread of its own, for the disk is waited for: those who tell of a guest may not wait.
    private func act(_ body: @escaping @Sendable (SessionHealth) -> Void) {
        // Without a thread the guest goes on, and its version is judged another time.
        let task = Task { _ = try? await WorkerThread.run(name: "health") { body(self) } }
        acts.withLock { $0.append(task) }
    }

    private let acts = Mutex<[Task<Void, Never>]>([])

    /// Returns when what was found is written down.
    func finish() async {
        for task in acts.withLock({ $0 }) { await task.value }
    }

    // MARK: What follows

    private func noteHealthy(_ time: Duration?) {
        let seconds = time.map { Double($0.components.seconds) + Double($0.components.attoseconds) / 1e18 }
        log("the guest has come to its login" + (seconds.map { " after \(Int($0.rounded())) seconds" } ?? ""))
        if wasLeft.exchange(false, ordering: .relaxed) { state.note(standing: nil) }
        change { $0.noteHealthy(self.plan.key.version, at: .now, seconds: seconds, accel: self.accel) }
    }

    /// Whether the user was told that the guest did not come up, and is left running.
    private let wasLeft = Atomic(false)

    private func noteUnhealthy(_ fault: HealthRecord.Fault) {
        let key = plan.key
        var seconds: Int?
        if fault == .late, case .within(let limit) = plan.judgement { seconds = limit }
        let found = HealthRecord.Unhealthy(version: key.version, time: .now, why: fault, seconds: seconds)
        if let blame {
            blame()
            return end(found, instead: key.version, startedWarm: true)
        }
        // Before anything is ended: whatever happens from here on, it is not chosen again by itself.
        change { $0.note(found) }
        guard let fallback = plan.fallback else {
            let reason =
                plan.hasLostFallback
                ? "what was healthy here before is no longer offered" : "no other version was healthy here"
            let text =
                "\(key.distribution)@\(key.version) \(found.words). It is left running, for \(reason); look at its console"
            wasLeft.store(true, ordering: .relaxed)
            state.note(standing: text)
            return log(text)
        }
        end(found, instead: fallback)
    }

    /// Has the guest ended, and another one booted in its place.
    private func end(_ found: HealthRecord.Unhealthy, instead: String, startedWarm: Bool? = nil) {
        let key = plan.key
        let rollback = Rollback(
            session: directory.id, distribution: key.distribution, version: key.version, reason: found.words,
            log: directory.keepLog(of: key), successor: SessionID.random(), instead: instead, home: home?.name,
            backup: home?.backup, startedWarm: startedWarm)
        do throws(SystemCallError) { try directory.write(rollback) } catch {
            log("warning: who waits for this session will not hear what follows it: \(error)")
        }
        decided.withLock { $0 = rollback }
        signals.yield(.unhealthy(SessionFailure(exitCode: 69, message: rollback.text)))
    }

    private func change(_ body: (inout HealthRecord) -> Void) {
        do throws(SystemCallError) { try library.change(plan.key.catalog, plan.key.distribution, body) } catch {
            log("warning: how \(plan.key) starts was not noted: \(error)")
        }
    }
}
