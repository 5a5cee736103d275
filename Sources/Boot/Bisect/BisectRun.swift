/// What came of booting one version, and of running the test in it.
package struct TrialResult: Sendable, Equatable {
    package enum End: Sendable, Equatable {
        /// The test ended with this code.
        case exited(Int32)
        /// Its time was over; so many seconds.
        case outOfTime(Int)
        /// The guest ended, or answered nobody any more, while it ran.
        case crashed(String)
        /// Nobody knows how it ended, though the guest is well.
        case broken(String)
        /// Nobody could log in, or the test could not be started.
        case notRun(String)
    }

    package var end: End
    /// Bytes that came over the network.
    package var bytes: UInt64
    package var seconds: Int

    package init(_ end: End, bytes: UInt64 = 0, seconds: Int = 0) {
        (self.end, self.bytes, self.seconds) = (end, bytes, seconds)
    }
}

/// What a bisect needs of the world: to boot a version and run the test in it.
package protocol BisectTrials: Sendable {
    /// Versions of the record that cannot be booted now, and why.
    func unavailable(_ record: BisectRecord) async throws -> [String: String]
    /// Boots a version, runs the test in it, and ends its guest.
    /// - Parameter session: the name for its session.
    /// - Throws: what is no fault of the version: the same trial may be made again later.
    func trial(_ version: String, session: String) async throws -> TrialResult
    /// Ends a guest that a program which was killed has left.
    func end(session: String) async
}

/// What is said while a bisect runs.
package enum BisectNews: Sendable, Equatable {
    case boots(String, suspects: Int, steps: Int)
    /// The test has not yet said anything of use, so it is tried in the version that is known to be good.
    case checks(String, why: String)
    case answer(BisectRecord.Answer, TrialResult)
    /// The version is left out.
    case gone(String, why: String)
}

/// Boots one version after the other until the first bad one is known, or nobody can tell. Whatever ends it, what was found out is stored.
package struct BisectRun: Sendable {
    /// What a version means that nobody can log in to.
    package enum NoBoot: String, Sendable, CaseIterable {
        case skip, bad, stop
    }

    private let hold: BisectHold
    private let trials: any BisectTrials
    private let noBoot: NoBoot
    private let report: @Sendable (BisectNews) -> Void

    package init(
        hold: BisectHold, trials: any BisectTrials, noBoot: NoBoot = .skip,
        report: @escaping @Sendable (BisectNews) -> Void
    ) {
        (self.hold, self.trials, self.noBoot, self.report) = (hold, trials, noBoot, report)
    }

    /// - Returns: the record at the end; its outcome is not a next version.
    /// - Throws: ``BisectError``, what a trial throws.
    package func run(_ start: BisectRecord) async throws -> BisectRecord {
        var record = start
        if let left = record.session {
            await trials.end(session: left)
            record.session = nil
            try hold.save(record)
        }
        if noBoot == .bad {
            record.takeNoBootAsBad()
            try hold.save(record)
        }
        var isProved = record.answers.contains { $0.means == .test && !BisectRun.isDoubtful($0.code ?? 0) }
        var told: Set<String> = []
        while true {
            let gone = try await trials.unavailable(record)
            for (version, why) in gone.sorted(by: { $0.key < $1.key }) where told.insert(version).inserted {
                report(.gone(version, why: why))
            }
            guard let bisection = record.bisection,
                case .next(let version, let steps) = bisection.outcome(without: Set(gone.keys))
            else { return record }
            report(.boots(version, suspects: bisection.suspects, steps: steps))
            let result: TrialResult
            do { result = try await trial(version, &record) } catch is CancellationError {
                throw CancellationError()
            } catch {
                // One that went meanwhile is left out like the others.
                guard try await trials.unavailable(record)[version] != nil else { throw error }
                continue
            }
            if !isProved, let why = BisectRun.doubt(result) {
                try await check(why, &record)
                isProved = true
            }
            if case .exited = result.end { isProved = true }
            let answer = try answer(version, result)
            try record.take(answer)
            try hold.save(record)
            report(.answer(answer, result))
        }
    }

    private func trial(_ version: String, _ record: inout BisectRecord) async throws -> TrialResult {
        // Known before there is a guest: whoever goes on after a kill ends it.
        let session = SessionID.random()
        record.session = session
        try hold.save(record)
        let result = try await trials.trial(version, session: session)
        record.session = nil
        record.boots += 1
        record.bytes += result.bytes
        record.seconds += result.seconds
        try hold.save(record)
        return result
    }

    /// The codes with which a shell says that it could not run a program.
    private static func isDoubtful(_ code: Int32) -> Bool { code == 126 || code == 127 }

    /// Why nobody knows yet whether the test can run in any guest.
    private static func doubt(_ result: TrialResult) -> String? {
        switch result.end {
        case .exited(let code): isDoubtful(code) ? "the test could not be run (code \(code))" : nil
        case .notRun(let reason): reason
        case .outOfTime, .crashed, .broken: nil
        }
    }

    /// Tries the test in the version that is known to be good.
    private func check(_ why: String, _ record: inout BisectRecord) async throws {
        let good = record.good
        report(.checks(good, why: why))
        let result = try await trial(good, &record)
        switch result.end {
        case .exited(0): return
        case .exited(let code): throw BisectError.goodFails(good, code: code)
        case .outOfTime(let seconds):
            throw BisectError.goodUnreachable(good, reason: "the test ran for more than \(seconds) s")
        case .crashed(let reason), .broken(let reason), .notRun(let reason):
            throw BisectError.goodUnreachable(good, reason: reason)
        }
    }

    private func answer(_ version: String, _ result: TrialResult) throws(BisectError) -> BisectRecord.Answer {
        func answer(
            _ verdict: Bisection.Verdict, _ means: BisectRecord.Answer.Means, code: Int32? = nil,
            _ reason: String? = nil
        ) -> BisectRecord.Answer {
            .init(version: version, verdict: verdict, means: means, code: code, reason: reason)
        }
        switch result.end {
        case .exited(0): return answer(.good, .test, code: 0)
        case .exited(GuestTest.skipCode): return answer(.skip, .test, code: GuestTest.skipCode)
        case .exited(let code): return answer(.bad, .test, code: code)
        case .outOfTime(let seconds): return answer(.bad, .timeout, "the test ran for more than \(seconds) s")
        case .crashed(let reason): return answer(.bad, .crash, reason)
        case .broken(let reason): return answer(.skip, .broken, reason)
        case .notRun(let reason):
            guard noBoot != .stop else { throw .notUp(version, reason: reason) }
            return answer(noBoot == .bad ? .bad : .skip, .noBoot, reason)
        }
    }
}
