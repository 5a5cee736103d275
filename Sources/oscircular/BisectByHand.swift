import Boot
import Linux

/// `bisect` without --run: boots the next version, and asks how it was.
struct BisectByHand {
    let work: BisectWork
    let start: SessionStart
    let request: BootRequest

    func run(_ first: BisectHold) async throws {
        let system = first.system
        // Others may say how it was while its guest is looked at.
        var hold: BisectHold? = first
        while true {
            let held: BisectHold
            if let hold { held = hold } else { held = try await work.take(system) }
            guard var record = try held.record() else { throw BisectError.none(system) }
            let summary = try await work.summary(of: record)
            BisectText.show(summary)
            guard let next = summary.next else { return }
            if let session = record.session, let running = await work.guest(of: record) {
                return Terminal.note(
                    "its guest, \(running.version), runs as session \(session): 'oscircular console \(session)' shows it. Then say "
                        + "'oscircular bisect good', 'bad' or 'skip'")
            }
            var request = request
            request.id = SessionID.random()
            request.name = system.key(next).description
            record.session = request.id
            record.boots += 1
            try held.save(record)
            held.release()
            hold = nil
            var start = start
            start.renames = { old, new in try await work.take(system).rename(old, to: new) }
            try await start.run(request)
            Interruption.handle(nil)
            if start.detach {
                return Terminal.note("look at it, then say 'oscircular bisect good', 'bad' or 'skip'")
            }
            // It may have been said meanwhile, or all of it forgotten.
            guard let now = try work.library.record(of: system) else { return }
            if now.bisection?.known(next) != nil { continue }
            guard Confirmation.isPossible, await work.guest(of: now) == nil, let verdict = ask(next) else {
                return Terminal.note(
                    "when you know how \(next) is, say 'oscircular bisect good', 'bad' or 'skip'; 'oscircular bisect \(system)' goes on"
                )
            }
            _ = try await work.answer(verdict, next, of: system)
        }
    }

    private func ask(_ version: String) -> Bisection.Verdict? {
        switch Confirmation.answer("Was \(version) good, or bad, or is it to be skipped? [g/b/s, Enter for later]") {
        case "g", "good": .good
        case "b", "bad": .bad
        case "s", "skip": .skip
        default: nil
        }
    }
}
