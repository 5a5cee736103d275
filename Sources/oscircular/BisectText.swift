import Boot
import Formats

/// What `bisect` says to people.
enum BisectText {
    /// News of a run, on standard error.
    @Sendable static func tell(_ news: BisectNews) {
        switch news {
        case .boots(let version, let suspects, let steps):
            Terminal.note("\(version): booting; \(suspects) suspects, about \(boots(steps)) to go")
        case .checks(let version, let why):
            Terminal.note("\(Terminal.clean(why)): seeing whether the test works in \(version), which is good")
        case .answer(let answer, let result):
            let cost =
                "\(DurationText.precise(seconds: UInt64(max(0, result.seconds)))), \(ByteCount.text(result.bytes)) fetched"
            Terminal.note("\(answer.version): \(words(answer)); \(cost)")
        case .gone(let version, let why): Terminal.note("\(version) is left out: \(Terminal.clean(why))")
        }
    }

    /// `bad (exit code 1)`.
    static func words(_ answer: BisectRecord.Answer) -> String {
        let verdict = answer.verdict == .skip ? "skipped" : answer.verdict.rawValue
        switch answer.means {
        case .hand: return verdict
        case .test: return "\(verdict) (exit code \(answer.code ?? 0))"
        case .timeout, .crash, .broken, .noBoot: return "\(verdict) (\(Terminal.clean(answer.reason ?? "")))"
        }
    }

    /// How far it is, or what it found.
    /// - Parameters:
    ///   - hasAnswers: also what was said of each version.
    ///   - isNoBootBad: whether a version that nobody can log in to counts as bad already.
    static func show(_ summary: BisectSummary, hasAnswers: Bool = false, isNoBootBad: Bool = false) {
        let system = Terminal.clean("\(summary.system)")
        switch summary.state {
        case .open:
            Terminal.print(
                "\(system): \(summary.good) is good, \(summary.bad) is bad; next \(summary.next ?? ""), about \(boots(summary.steps)) to go"
            )
        case .found:
            Terminal.print(
                "\(system): \(summary.bad) is the first bad version; \(summary.good), the one before it, is good")
        case .undecided:
            Terminal.print("\(system): the first bad version is one of \(summary.suspects.joined(separator: ", "))")
            for skipped in summary.skipped {
                Terminal.print("    \(skipped.version) was skipped: \(Terminal.clean(skipped.why))")
            }
            let noBoot = summary.answers.contains { $0.means == .noBoot && $0.verdict == .skip }
            if noBoot, !isNoBootBad {
                Terminal.note("if that nobody can log in is the fault, the same command with '--no-boot bad' goes on")
            }
        }
        if hasAnswers {
            for answer in summary.answers { Terminal.print("    \(answer.version): \(words(answer))") }
        }
        for notes in summary.notes {
            Terminal.print("\(notes.version): \(Terminal.clean(notes.notes))")
        }
        if !summary.packages.isEmpty {
            Terminal.print("packages that changed:")
            for line in summary.packages.lines { Terminal.print("    \(Terminal.clean(line))") }
        }
        if summary.state != .open, summary.boots > 0 {
            // How long somebody looked at guests says nothing.
            let time = summary.seconds > 0 ? ", \(DurationText.precise(seconds: UInt64(summary.seconds)))" : ""
            Terminal.print("\(boots(summary.boots)), \(ByteCount.text(summary.bytes)) fetched\(time)")
        }
    }

    private static func boots(_ number: Int) -> String { "\(number) boot\(number == 1 ? "" : "s")" }
}
