import Catalog

/// A bisect as scripts and people see it; the shape of `bisect --json`.
package struct BisectSummary: Sendable, Encodable, Equatable {
    package enum State: String, Sendable, Encodable {
        /// A version is to be tried next.
        case open
        case found
        /// The first bad version is one of several, of which all but the last could not be told.
        case undecided
    }

    /// A version that nothing could be said of, and why.
    package struct Skipped: Sendable, Encodable, Equatable {
        package let version: String
        package let why: String
    }

    package struct Notes: Sendable, Encodable, Equatable {
        package let version: String
        /// Of the publisher; empty where there are none.
        package let notes: String
    }

    package let catalog: String
    package let distribution: String
    package let state: State
    /// The newest version that is known to be good.
    package let good: String
    /// The oldest version that is known to be bad; when it is found, the first that is.
    package let bad: String
    /// The version to try next; nil when there is none.
    package let next: String?
    /// About how many versions are to be tried still.
    package let steps: Int
    /// Versions of which one is the first bad one, the oldest first.
    package let suspects: [String]
    package let skipped: [Skipped]
    /// What the publisher says of the suspects, when no version is to be tried any more.
    package let notes: [Notes]
    /// What the notes say was changed.
    package let packages: ChangedPackages
    package let answers: [BisectRecord.Answer]
    package let boots: Int
    package let bytes: UInt64
    package let seconds: Int

    /// - Parameters:
    ///   - gone: versions that cannot be booted now, and why.
    ///   - system: what is known of the versions; nil where it is not offered any more.
    package init(_ record: BisectRecord, gone: [String: String] = [:], system: Distribution? = nil) {
        (catalog, distribution) = (record.catalog, record.distribution)
        (answers, boots, bytes, seconds) = (record.answers, record.boots, record.bytes, record.seconds)
        // A record of fewer versions is none.
        let bisection = record.bisection
        let (newest, oldest) = (bisection?.newestGood ?? 0, bisection?.oldestBad ?? 0)
        (good, bad) = (record.versions[newest], record.versions[oldest])
        let suspects = newest < oldest ? Array(record.versions[(newest + 1)...oldest]) : []
        self.suspects = suspects
        switch bisection?.outcome(without: Set(gone.keys)) {
        case .next(let version, let steps): (state, next, self.steps) = (.open, version, steps)
        case .found: (state, next, steps) = (.found, nil, 0)
        case .undecided, nil: (state, next, steps) = (.undecided, nil, 0)
        }
        skipped = suspects.compactMap { version in
            if let why = gone[version] { return Skipped(version: version, why: why) }
            guard let answer = record.answers.first(where: { $0.version == version && $0.verdict == .skip }) else {
                return nil
            }
            return Skipped(
                version: version,
                why: answer.reason ?? (answer.means == .hand ? "skipped by hand" : "the test could not tell"))
        }
        let texts = suspects.map { id in
            Notes(version: id, notes: system?.versions.first { $0.id.text == id }?.notes ?? "")
        }
        notes = state == .open ? [] : texts.filter { !$0.notes.isEmpty }
        packages = ChangedPackages(notes: notes.map(\.notes))
    }

    package var system: BisectedSystem { BisectedSystem(catalog: catalog, distribution: distribution) }
}
