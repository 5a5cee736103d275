import Linux
import Synchronization

/// Which servers are left alone for now: those that failed three times in a run, and those that said when they want to be asked again.
final class HostBudget: Sendable {
    private struct Standing {
        var failures = 0
        /// Of the monotonic clock, in nanoseconds.
        var restsUntil: UInt64 = 0
    }

    private let hosts = Mutex<[String: Standing]>([:])

    /// Failures in a run after which a server is left alone, and for how many seconds.
    private static let mostFailures = 3
    private static let restSeconds = 600
    /// What a server may ask for at most.
    private static let longestRest = 3600

    /// Seconds for which a server is left alone; 0 when it may be asked.
    func rest(of server: String) -> Int {
        hosts.withLock { hosts in
            guard let until = hosts[server]?.restsUntil, until > MonotonicClock.nanoseconds else { return 0 }
            return Int((until - MonotonicClock.nanoseconds) / 1_000_000_000) + 1
        }
    }

    func answered(_ server: String) { hosts.withLock { $0[server] = nil } }

    /// - Parameter retryAfter: seconds that the server asked for; nil when it said nothing.
    func failed(_ server: String, retryAfter: Int?) {
        hosts.withLock { hosts in
            var standing = hosts[server] ?? Standing()
            standing.failures += 1
            var seconds = min(retryAfter ?? 0, HostBudget.longestRest)
            if standing.failures >= HostBudget.mostFailures { seconds = max(seconds, HostBudget.restSeconds) }
            standing.restsUntil = MonotonicClock.nanoseconds + UInt64(seconds) * 1_000_000_000
            hosts[server] = standing
        }
    }
}
