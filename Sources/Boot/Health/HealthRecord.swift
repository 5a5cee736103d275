import Catalog

/// What this machine knows of how one system's versions start: how long it took them to reach their login, which did so last, and which
/// did not. Bounded; the newest entry of each list is the first.
package struct HealthRecord: Codable, Sendable, Equatable {
    /// A start that reached its login on the serial console.
    package struct Start: Codable, Sendable, Equatable {
        var version: String
        /// `kvm` or `tcg`: one says nothing about the other.
        var accel: String
        /// From the guest's start to its login, without the time in which it could not run.
        var seconds: Double
    }

    /// A version that was healthy.
    package struct Healthy: Codable, Sendable, Equatable {
        package var version: String
        package var time: Timestamp
    }

    /// Why a version is not.
    package enum Fault: String, Codable, Sendable {
        /// It was not at its login in time.
        case late
        /// It restarted twice before that.
        case restarts
        case crashed
    }

    /// A version that did not come up.
    package struct Unhealthy: Codable, Sendable, Equatable {
        package var version: String
        package var time: Timestamp
        package var why: Fault
        /// The time that it had, where that is why.
        package var seconds: Int?

        package init(version: String, time: Timestamp, why: Fault, seconds: Int? = nil) {
            (self.version, self.time, self.why, self.seconds) = (version, time, why, seconds)
        }

        /// `did not reach its login within 200 seconds`.
        package var words: String {
            switch why {
            case .late: "did not reach its login" + (seconds.map { " within \($0) second\($0 == 1 ? "" : "s")" } ?? "")
            case .restarts: "restarted twice before its login"
            case .crashed: "crashed before its login"
            }
        }

        /// The same where room is short.
        package var shortWords: String {
            switch why {
            case .late: "did not reach its login"
            case .restarts: "restarted twice"
            case .crashed: "crashed"
            }
        }

        /// The day, by this machine's clock and in UTC: `2026-11-23`.
        package var day: String { String(time.description.prefix(10)) }
    }

    private static let mostStarts = 16
    private static let mostVersions = 32
    /// Seconds that a start may have taken; more is no start.
    private static let longestStart = 86_400.0

    package private(set) var starts: [Start] = []
    package private(set) var healthy: [Healthy] = []
    package private(set) var unhealthy: [Unhealthy] = []

    package init() {}

    // MARK: What happened

    /// - Parameter seconds: nil where its start was not seen to end on the serial console.
    mutating func noteHealthy(_ version: String, at time: Timestamp, seconds: Double?, accel: String) {
        unhealthy.removeAll { $0.version == version }
        healthy.removeAll { $0.version == version }
        healthy.insert(Healthy(version: version, time: time), at: 0)
        if let seconds { starts.insert(Start(version: version, accel: accel, seconds: seconds), at: 0) }
        settle()
    }

    mutating func note(_ new: Unhealthy) {
        unhealthy.removeAll { $0.version == new.version }
        unhealthy.insert(new, at: 0)
        settle()
    }

    /// Leaves out what nobody here can have written, and what is too old to be kept.
    private mutating func settle() {
        starts.removeAll {
            VersionID($0.version) == nil || !$0.seconds.isFinite
                || !(0...HealthRecord.longestStart).contains($0.seconds) || !["kvm", "tcg"].contains($0.accel)
        }
        healthy.removeAll { VersionID($0.version) == nil }
        unhealthy.removeAll { VersionID($0.version) == nil || !(0...86_400).contains($0.seconds ?? 0) }
        starts = Array(starts.prefix(HealthRecord.mostStarts))
        healthy = Array(healthy.prefix(HealthRecord.mostVersions))
        unhealthy = Array(unhealthy.prefix(HealthRecord.mostVersions))
    }

    // MARK: What follows

    /// The longest of the latest starts, in seconds; nil where none was seen to reach its login on the serial console.
    func longestStart(accel: String) -> Double? { starts.filter { $0.accel == accel }.map(\.seconds).max() }

    /// What a start takes, in seconds: the middle one of the latest; nil as above.
    func usualStart(accel: String) -> Double? {
        let seconds = starts.filter { $0.accel == accel }.map(\.seconds).sorted()
        return seconds.isEmpty ? nil : seconds[seconds.count / 2]
    }

    package func isHealthy(_ version: String) -> Bool { healthy.contains { $0.version == version } }

    package func fault(of version: String) -> Unhealthy? { unhealthy.first { $0.version == version } }

    /// The version that was healthy last, of those that are offered.
    func lastHealthy(among offered: Set<String>) -> Healthy? { healthy.first { offered.contains($0.version) } }

    /// What boots where nobody has said which version.
    /// - Parameter offered: the newest first.
    /// - Returns: nil for the newest.
    func choice(among offered: [String]) -> String? {
        guard let newest = offered.first, fault(of: newest) != nil else { return nil }
        return lastHealthy(among: Set(offered))?.version ?? offered.first { fault(of: $0) == nil }
    }

    // MARK: Reading

    private enum CodingKeys: CodingKey { case starts, healthy, unhealthy }

    /// An entry that a newer program may have written, or nobody.
    private struct Lenient<Entry: Decodable>: Decodable {
        let entry: Entry?

        // What cannot be read is left out, and the rest counts.
        init(from decoder: any Decoder) { entry = try? Entry(from: decoder) }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func entries<Entry: Decodable>(_ key: CodingKeys) -> [Entry] {
            // As for one entry.
            let all = try? container.decodeIfPresent([Lenient<Entry>].self, forKey: key)
            return (all ?? []).compactMap(\.entry)
        }
        (starts, healthy, unhealthy) = (entries(.starts), entries(.healthy), entries(.unhealthy))
        settle()
    }
}
