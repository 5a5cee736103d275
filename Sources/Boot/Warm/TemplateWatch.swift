import GuestDomain
import Synchronization

/// What is heard of a template while it boots.
enum TemplateNews: Sendable, Equatable {
    case said(ParkWord)
    /// It shows a login.
    case login
    case guest(GuestEvent)
    /// A second has passed.
    case tick
}

/// Hears what a template says on its serial console.
final class TemplateWatch: Sendable {
    private struct Hearing {
        var words = ParkWords()
        var login = LoginPrompt()
        var isLoginSeen = false
    }

    private let hearing = Mutex(Hearing())
    private let tell: @Sendable (TemplateNews) -> Void

    /// - Parameter tell: on the console's thread: it must not block.
    init(tell: @escaping @Sendable (TemplateNews) -> Void) { self.tell = tell }

    /// What the guest says, on the console's thread.
    func take(_ bytes: UnsafeRawBufferPointer) {
        let news = hearing.withLock { hearing -> [TemplateNews] in
            var news = hearing.words.take(bytes).map { TemplateNews.said($0) }
            if !hearing.isLoginSeen, hearing.login.take(bytes) {
                hearing.isLoginSeen = true
                news.insert(.login, at: 0)
            }
            return news
        }
        for item in news { tell(item) }
    }
}

/// When a template that boots is given up, or is ready.
struct TemplateProgress: Sendable {
    /// Seconds for the whole of a boot, in which it was not paused.
    static let longestBoot = 1800
    /// Seconds after its login in which a system that can park does so: what it still starts in the background takes as long as its boot.
    static let shortestPatience = 180

    /// Seconds for falling asleep after it has said so; a machine that is busy with other things takes some.
    static let longestDozing = 30
    /// Seconds of a processor that a guest uses in one second which sleeps.
    private static let mostOfSleeper = 0.1

    enum Verdict: Sendable, Equatable {
        case goesOn, asleep
        /// In words that go on after "the warm state was not made: "; and whether another try would end in the same way.
        case failed(String, isLikelyAgain: Bool)
    }

    /// Seconds that it has run.
    private(set) var seconds = 0
    private var loginAt: Int?
    private var parkedAt: Int?
    /// Seconds of a processor that it had used at the last look, and since the one before.
    private var cpuSeconds: Double?
    private var cpuOfSecond: Double?
    /// Whether others may be to blame for what took too long.
    private var wasCrowded = false

    /// Takes what libvirt says of the processor's time; nil where it does not say.
    /// - Parameter isCrowded: whether the machine has more to do than it can.
    mutating func look(cpuSeconds now: Double?, isCrowded: Bool = false) {
        wasCrowded = wasCrowded || isCrowded
        if let now, let before = cpuSeconds { cpuOfSecond = now - before } else { cpuOfSecond = nil }
        cpuSeconds = now
    }

    /// - Parameter isPaused: it stands still for now.
    mutating func take(_ news: TemplateNews, isPaused: Bool) -> Verdict {
        switch news {
        case .said(.parked): parkedAt = parkedAt ?? seconds
        case .said(.noPark(let reason)):
            return .failed("the system cannot be put to sleep: \(reason)", isLikelyAgain: true)
        case .said(.awake), .said(.noSession): return .failed("the guest woke before it was saved", isLikelyAgain: true)
        case .login:
            loginAt = loginAt ?? seconds
        case .guest(.crashed): return .failed("the guest crashed", isLikelyAgain: true)
        // QEMU or libvirt's daemon may have been ended, or killed.
        case .guest(.stopped(let hasFailed)):
            return .failed("the guest ended before it slept", isLikelyAgain: !hasFailed)
        case .guest: break
        case .tick:
            if isPaused { break }
            seconds += 1
            if let parkedAt {
                // The word comes a moment before the sleep.
                let isQuiet = cpuOfSecond.map { $0 < TemplateProgress.mostOfSleeper } ?? (seconds - parkedAt > 5)
                if isQuiet, seconds - parkedAt >= 2 { return .asleep }
                return seconds - parkedAt > TemplateProgress.longestDozing
                    ? .failed("the guest said that it would sleep, and did not", isLikelyAgain: !wasCrowded) : .goesOn
            }
            if let loginAt, seconds - loginAt > max(TemplateProgress.shortestPatience, 2 * loginAt) {
                return .failed(
                    "the system came to its login and did not go to sleep: what puts it to sleep is not in its image, or does not run",
                    isLikelyAgain: !wasCrowded)
            }
            if seconds > TemplateProgress.longestBoot {
                return .failed(
                    "the guest did not come to its login in \(TemplateProgress.longestBoot / 60) minutes",
                    isLikelyAgain: !wasCrowded)
            }
        }
        return .goesOn
    }
}
