/// What is done about the health of one guest: whether it is judged, how long it has, and what boots in its place.
struct HealthPlan: Sendable, Equatable {
    enum Judgement: Sendable, Equatable {
        /// The guest has this many seconds to reach its login.
        case within(Int)
        /// Nobody wants it to be.
        case off
        /// It was healthy here before: what goes wrong with it now, the version is not to blame for.
        case known
        /// No version of its system was ever seen at a login on the serial console, with this accelerator.
        case noLogin
        /// A machine's disk fits its own version only.
        case machine
    }

    /// The least that a guest has where nobody says how long: a new version may check a disk, or make keys.
    static let leastSeconds = 180
    /// How many times the longest of this machine's starts of the system.
    static let patience = 5.0

    let key: VersionKey
    let judgement: Judgement
    /// The version that was healthy last, where it is still offered.
    let fallback: String?
    /// Whether there is one that is not offered any more.
    let hasLostFallback: Bool

    /// - Parameters:
    ///   - offered: the versions that could boot.
    ///   - accel: `kvm` or `tcg`.
    ///   - asked: the seconds that the user gives it; 0 for no judgement; nil where he has not said.
    init(
        _ key: VersionKey, _ record: HealthRecord, offered: Set<String>, accel: String, asked: Int?, hasHome: Bool,
        isMachine: Bool
    ) {
        self.key = key
        let others = record.healthy.filter { $0.version != key.version }
        fallback = record.lastHealthy(among: offered.subtracting([key.version]))?.version
        hasLostFallback = fallback == nil && !others.isEmpty
        judgement =
            if isMachine {
                .machine
            } else if asked == 0 || asked == nil && !hasHome {
                .off
            } else if record.isHealthy(key.version) {
                .known
            } else if let longest = record.longestStart(accel: accel) {
                .within(asked ?? max(HealthPlan.leastSeconds, Int((longest * HealthPlan.patience).rounded(.up))))
            } else {
                .noLogin
            }
    }

    var limit: Duration? { if case .within(let seconds) = judgement { .seconds(seconds) } else { nil } }

    /// What the user is told at the start, where he asked for it in so many words and does not get it.
    /// - Parameter asked: as above.
    func note(asked: Int?) -> String? {
        guard let asked, asked > 0 else { return nil }
        switch judgement {
        case .machine:
            return
                "a kept machine stays on its own version: no other one boots in its place if it does not reach its login"
        case .noLogin:
            return
                "\(key.distribution) has not reached a login on its serial console here: whether this version starts as it should "
                + "is not judged"
        case .within where fallback == nil:
            return
                "no other version of \(key.distribution) that was healthy here is offered: if this one does not reach its login, it "
                + "is left running"
        case .within, .off, .known: return nil
        }
    }
}
