/// Whether a guest that has just been started is healthy, as a value: what is seen of it goes in, the verdict comes out.
///
/// A guest is healthy when it has come to its login. One that may be judged is not when it has had its time and has not, or has started anew
/// twice before, or has crashed. Only time counts in which it could run: not what it waits for blocks, for room or for its disk, what it is
/// paused, and what nobody was looking. What happens after it was healthy is not this value's business, and so is the guest's own end.
struct HealthWatch: Sendable, Equatable {
    /// When something is seen: by a clock that never jumps, and for how long reads of the image have waited for blocks until then.
    struct Moment: Sendable, Equatable {
        let time: Duration
        let waited: Duration
    }

    enum Signal: Sendable, Equatable {
        /// Nothing but time has passed.
        case look
        /// It is at its login: on the serial console, or because somebody could log in by ssh.
        case login(isSerial: Bool)
        case restarted
        case crashed
        /// Whether it can run from now on.
        case held(Bool)
        /// Somebody asked for its end.
        case stopping
    }

    enum Verdict: Sendable, Equatable {
        /// With the time that it took, where its serial console showed it.
        case healthy(after: Duration?)
        case unhealthy(HealthRecord.Fault)
    }

    /// Who looks so much later than he should was stopped himself meanwhile.
    static let longestDelay = Duration.seconds(4)
    /// Between two looks at a guest that is judged.
    static let pauseOfJudged = Duration.seconds(1)
    /// Between two looks at another one, or one that cannot run, at first and at most.
    static let pauses = (first: Duration.seconds(5), longest: Duration.seconds(60))
    /// What takes longer than this to its login is not waited for once it is healthy.
    static let longestStart = Duration.seconds(3600)
    /// Restarts before the login that are too many: some systems start anew once, at their first boot.
    static let mostRestarts = 2

    /// The time that it has; nil where it is not judged.
    let limit: Duration?
    private var last: Moment
    private var counted = Duration.zero
    private var restarts = 0
    private var isHeld = false
    private var isStopping = false
    private(set) var verdict: Verdict?
    /// Whether nothing can change any more.
    private(set) var isOver = false

    /// Until the next look. Where none decides anything they become fewer: they only tell whether somebody stopped this process.
    var pause: Duration {
        if isHeld { return HealthWatch.pauses.first }
        if isJudging { return HealthWatch.pauseOfJudged }
        return min(max(HealthWatch.pauses.first, counted / 10), HealthWatch.pauses.longest)
    }

    /// Whether time alone may bring a verdict.
    var isJudging: Bool { limit != nil && verdict == nil && !isStopping }

    /// - Parameter start: when the guest was started.
    init(limit: Duration?, start: Moment) {
        (self.limit, last) = (limit, start)
    }

    /// - Returns: the verdict, where there is one now that there was not before, or its time is known by now. A guest that was unhealthy and came to its login all the
    ///   same is healthy.
    mutating func take(_ signal: Signal, at moment: Moment) -> Verdict? {
        if isOver { return nil }
        count(moment)
        if case .healthy = verdict { return complete(signal) }
        switch signal {
        case .login(let isSerial):
            isOver = isSerial
            return conclude(.healthy(after: isSerial ? counted : nil))
        case .stopping: isStopping = true
        case .held(let isHeld): self.isHeld = isHeld
        case .restarted: restarts += 1
        case .look, .crashed: break
        }
        guard let limit, verdict == nil, !isStopping else { return nil }
        if signal == .crashed { return conclude(.unhealthy(.crashed)) }
        if restarts >= HealthWatch.mostRestarts { return conclude(.unhealthy(.restarts)) }
        return counted >= limit ? conclude(.unhealthy(.late)) : nil
    }

    /// A guest that was reached by ssh comes to its login on the serial console a little later, or never.
    private mutating func complete(_ signal: Signal) -> Verdict? {
        isOver = signal == .login(isSerial: true) || counted > HealthWatch.longestStart
        return signal == .login(isSerial: true) ? conclude(.healthy(after: counted)) : nil
    }

    private mutating func conclude(_ verdict: Verdict) -> Verdict {
        self.verdict = verdict
        return verdict
    }

    private mutating func count(_ moment: Moment) {
        let passed = max(.zero, moment.time - last.time)
        let waited = min(passed, max(.zero, moment.waited - last.waited))
        if !isHeld { counted += min(pause + HealthWatch.longestDelay, passed - waited) }
        last = moment
    }
}
