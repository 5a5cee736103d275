import ArgumentParser
import Boot
import Formats
import Linux

/// `oscircular sessions`.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Show the running guests, and those that are suspended.")

    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        let registry = context.registry
        try await WorkerThread.run(name: "stale") { registry.clearStale() }
        // A session that is starting has no socket for a moment, or one that does not answer yet.
        var list = await registry.survey(patience: .seconds(3))
        // What is stored here; no server is asked.
        let names = Set(list.sessions.map(\.catalog))
        let copies = try await WorkerThread.run(name: "catalogs") {
            let library = context.library()
            return names.isEmpty
                ? [] : library.sources().filter { names.contains($0.name) }.map { library.copy(of: $0) }
        }
        for (position, session) in list.sessions.enumerated() {
            list.sessions[position].withdrawn =
                copies.first { $0.source.name == session.catalog }?
                .withdrawal(of: session.distribution, session.version)?.words
        }
        let (library, cache) = (SuspendedLibrary(places: context.places), context.cache())
        let suspended = try await WorkerThread.run(name: "suspended") {
            library.tidyPins(cache)
            return library.statuses(cache)
        }
        if json {
            list.sessions += suspended
            return try JSONOutput.print(list)
        }
        if list.sessions.isEmpty && list.silent.isEmpty && suspended.isEmpty {
            return Terminal.note("No guest is running.")
        }
        for session in list.sessions {
            let fetched = ByteCount.text(session.bytesFetched)
            Terminal.print(
                "\(session.id)  \(session.distribution)@\(session.version)  \(session.state.rawValue)  since "
                    + "\(session.started)  \(fetched) fetched, \(session.blocksHere) of \(session.blocks) blocks cached"
                    + (session.startText.map { "  \($0)" } ?? "")
                    + (session.machine.map { "  machine \($0)" } ?? "")
                    + (session.sharesClipboard == true ? "  clipboard shared" : "")
                    + (session.usb.map { "  USB \($0.joined(separator: ", "))" } ?? "")
                    + (session.withdrawn.map { "  \(Terminal.clean($0))" } ?? ""))
            if let share = session.share { Terminal.print("    folder \(Terminal.clean(share.text))") }
            if let ports = session.ports { Terminal.print("    ports: \(ports.map(\.text).joined(separator: ", "))") }
            if let from = session.rolledBackFrom, from.startedWarm == true {
                Terminal.print(Terminal.clean("    booted, because its warm start \(from.reason); see \(from.log)"))
            } else if let from = session.rolledBackFrom {
                Terminal.print(
                    Terminal.clean(
                        "    in place of \(from.distribution)@\(from.version), which \(from.reason); see \(from.log)"))
            }
            if session.settingClock == true {
                Terminal.print("    its clock is being set: it has the time at which it was suspended")
            }
            if let error = session.lastError { Terminal.print("    \(Terminal.clean(error))") }
        }
        for session in list.silent {
            let process = session.pid.map { "its process \($0)" } ?? "its process"
            Terminal.print(
                "\(session.id)  does not answer: \(process) is still there, but stopped or stuck. "
                    + "'oscircular stop --force \(session.id)' ends it and its guest")
        }
        for session in suspended { show(suspended: session) }
    }

    private func show(suspended session: SessionStatus) {
        guard let stored = session.suspended else { return }
        var parts = [session.id, "\(session.distribution)@\(session.version)", "suspended since \(stored.time)"]
        parts.append("\(ByteCount.text(stored.memory)) of memory, \(ByteCount.text(stored.disk)) of disk")
        parts += [stored.base, session.machine.map { "machine \($0)" }].compactMap(\.self)
        Terminal.print(parts.map(Terminal.clean).joined(separator: "  "))
        if let problem = stored.problem { Terminal.print("    \(Terminal.clean(problem))") }
    }
}
