import Catalog

/// One bisect as it is stored, `STATE/bisect/CATALOG/DISTRO/state.json`: which versions it is about, what was said of them, and what that cost.
package struct BisectRecord: Codable, Sendable, Equatable {
    package static let currentFormat = 1
    /// A system's weeks of eighty years.
    package static let mostVersions = 4096

    /// What was said of one version.
    package struct Answer: Codable, Sendable, Equatable {
        package enum Means: String, Codable, Sendable {
            /// Somebody said so.
            case hand
            /// The test's exit code.
            case test
            /// The test's time was over.
            case timeout
            /// The guest ended, or answered nobody any more, while the test ran.
            case crash
            /// The connection to the guest broke while the test ran, so that nobody knows how it ended.
            case broken
            /// Nobody could log in, or the test could not be started.
            case noBoot = "no-boot"
        }

        package var version: String
        package var verdict: Bisection.Verdict
        package var means: Means
        /// The test's exit code.
        package var code: Int32?
        /// What happened, where it was not the test that ended; a phrase.
        package var reason: String?

        package init(
            version: String, verdict: Bisection.Verdict, means: Means, code: Int32? = nil, reason: String? = nil
        ) {
            (self.version, self.verdict, self.means) = (version, verdict, means)
            (self.code, self.reason) = (code, reason)
        }
    }

    package var format = BisectRecord.currentFormat
    package var catalog: String
    package var distribution: String
    package var begun: Timestamp
    /// The oldest first; the first one was given as good, the last one as bad.
    package var versions: [String]
    /// In the order in which they were given; one for a version.
    package var answers: [Answer] = []
    /// Guests that were booted.
    package var boots = 0
    /// Bytes that came over the network for them.
    package var bytes: UInt64 = 0
    /// Seconds that they ran.
    package var seconds = 0
    /// The session of the guest that is booted now, or was when the program was killed.
    package var session: String?

    package init(_ system: BisectedSystem, versions: [String], begun: Timestamp) {
        (catalog, distribution) = (system.catalog, system.distribution)
        (self.versions, self.begun) = (versions, begun)
    }

    package var system: BisectedSystem { BisectedSystem(catalog: catalog, distribution: distribution) }
    package var good: String { versions.first ?? "" }
    package var bad: String { versions.last ?? "" }

    /// What follows from the answers. One that contradicts others, which ``fault`` finds, is left out.
    package var bisection: Bisection? {
        guard var bisection = Bisection(versions: versions) else { return nil }
        // One that cannot be taken is a fault of the file.
        for answer in answers { try? bisection.mark(answer.version, answer.verdict) }
        return bisection
    }

    /// Whether no version is left to be tried.
    package var isOver: Bool {
        if case .next? = bisection?.outcome() { return false }
        return true
    }

    /// Why the record is not one of ours, as a phrase; nil where it is.
    package var fault: String? {
        guard (2...BisectRecord.mostVersions).contains(versions.count) else { return "it names no versions" }
        let ids = versions.compactMap { VersionID($0) }
        guard ids.count == versions.count, zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) else {
            return "its versions are not in order"
        }
        guard answers.count <= versions.count, var bisection = Bisection(versions: versions) else {
            return "it has more answers than versions"
        }
        for answer in answers {
            do throws(Bisection.Refusal) { try bisection.mark(answer.version, answer.verdict) } catch {
                return "its answers contradict each other"
            }
        }
        guard boots >= 0, seconds >= 0, session.map(SessionID.isValid) ?? true else { return "its numbers are wrong" }
        return nil
    }

    /// Takes an answer in place of what was said of the version before.
    package mutating func take(_ answer: Answer) throws(BisectError) {
        guard var bisection else { throw .damaged(system, path: "", reason: "it names no versions") }
        bisection.forget(answer.version)
        do throws(Bisection.Refusal) { try bisection.mark(answer.version, answer.verdict) } catch {
            throw .refused(system, error)
        }
        answers.removeAll { $0.version == answer.version }
        // The ends are not answers: they were given.
        if answer.version != good, answer.version != bad { answers.append(answer) }
    }

    /// From now on, a version that nobody could log in to has the fault that is looked for.
    ///
    /// Of those that were skipped for that reason the oldest says all.
    package mutating func takeNoBootAsBad() {
        guard let bisection else { return }
        let oldest = versions.first { version in
            bisection.verdicts[version] == .skip && bisection.known(version) == .skip
                && answers.contains { $0.version == version && $0.means == .noBoot }
        }
        guard let oldest, let place = answers.firstIndex(where: { $0.version == oldest }) else { return }
        answers[place].verdict = .bad
    }
}
