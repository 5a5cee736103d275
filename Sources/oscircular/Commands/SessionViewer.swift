import Boot
import Glibc
import GuestDomain
import Linux
import Synchronization

/// `boot` without --detach, once the guest runs: its console or a status line, until the guest ends.
struct SessionViewer {
    let directory: SessionDirectory
    let registry: SessionRegistry
    let display: BootRequest.Display

    func run() async throws {
        let id = directory.id
        let registry = registry
        let asked = Atomic(false)
        let signals = AsyncStream<Int32>.makeStream()
        Interruption.handle { number in
            // The guest goes on without its viewer.
            if number == SIGHUP { _exit(128 + number) }
            signals.continuation.yield(number)
        }
        let stopper = Task {
            for await _ in signals.stream {
                let isSecond = asked.exchange(true, ordering: .relaxed)
                Terminal.note(isSecond ? "forcing the guest off" : "asking the guest to shut down; once more forces it")
                Task { try? await registry.send(isSecond ? .force : .stop, to: id) }
            }
        }
        defer { stopper.cancel() }

        if display == .window, let domain = try? await registry.send(.status, to: id).status?.domain {
            let words = GuestWindow.open(uri: domain.uri, domainName: domain.name)
            if let words { Terminal.note(words) }
        }
        if display == .console {
            Terminal.note("Ctrl-] leaves the console; the guest goes on.")
            let end = try await ConsoleAttachment.run(directory)
            if end == .left, directory.isAlive {
                Terminal.note(
                    "The guest goes on as session \(id). Ctrl-C stops it; 'oscircular console \(id)' returns.")
            }
            if end == .unread {
                Terminal.note("The guest goes on as session \(id); 'oscircular stop \(id)' ends it.")
                return
            }
        }
        while directory.isAlive {
            if let status = try? await registry.send(.status, to: id).status, directory.isAlive {
                Terminal.progress(
                    "\(status.distribution)@\(status.version) \(status.state.rawValue)  "
                        + "\(ByteCount.text(status.bytesFetched)) fetched, \(ByteCount.text(status.rate))/s")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        Terminal.endProgress()
        Terminal.note("session \(id) ended; its console log is \(directory.log)")
        // The session's own log is empty when the guest ended as it should.
        let reason = (try? FileContents.readText(directory.processLog, limit: 1 << 20)) ?? ""
        if let last = reason.split(separator: "\n").last(where: { $0.hasPrefix("oscircular: ") }) {
            throw SessionFailure(exitCode: 1, message: String(last.dropFirst("oscircular: ".count)))
        }
    }
}
