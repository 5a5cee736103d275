import Boot
import Formats
import GuestDomain
import Linux
import Synchronization

/// `boot`, or `machines start`, without --detach, once the guest runs: its console or a status line, until the guest ends.
struct SessionViewer {
    let directory: SessionDirectory
    let registry: SessionRegistry
    let display: BootRequest.Display

    func run() async throws {
        let id = directory.id
        let registry = registry
        let asked = Atomic(false)
        let signals = AsyncStream<Signal>.makeStream()
        let handle: Interruption.Handler = { signal in
            // The guest keeps running without its viewer.
            if signal == .hangUp { CurrentProcess.endNow(signal.exitCode) }
            signals.continuation.yield(signal)
        }
        Interruption.handle(handle)
        let stopper = Task {
            for await _ in signals.stream {
                let isSecond = asked.exchange(true, ordering: .relaxed)
                Terminal.note(
                    isSecond ? "forcing the guest off" : "asking the guest to shut down; press again to force it off")
                // One that does not answer now may be asked again.
                Task { try? await registry.send(isSecond ? .force : .stop, to: id) }
            }
        }
        defer { stopper.cancel() }

        // Without an answer the window is left out; 'oscircular console' remains.
        if display == .window, let status = try? await registry.send(.status, to: id).status,
            let domain = status.domain
        {
            let problem = GuestWindow.open(uri: domain.uri, domainName: domain.name, screen: status.screen)
            if let problem { Terminal.note(problem) }
        }
        if display == .console {
            Terminal.note("Ctrl-] leaves the console; the guest keeps running.")
            let interruption = try EventDescriptor()
            let received = Atomic<Int32>(0)
            let hasTerminal = TerminalDevice.isTerminal(StandardDescriptor.input)
            // The terminal is given back before anything else is done.
            Interruption.handle { signal in
                guard hasTerminal, signal != .interrupt else { return handle(signal) }
                // A terminal that is gone counts more than whatever else asks for the end at the same time.
                if received.load(ordering: .relaxed) != Signal.hangUp.rawValue {
                    received.store(signal.rawValue, ordering: .relaxed)
                }
                interruption.signal()
            }
            let end = try await ConsoleAttachment.run(directory, interruption: interruption)
            Interruption.handle(handle)
            // It may have come while the terminal was given back for another reason.
            let signal = received.load(ordering: .relaxed)
            if signal != 0 { handle(Signal(rawValue: signal)) }
            if end == .left, directory.isAlive {
                Terminal.note(
                    "The guest keeps running as session \(id). Ctrl-C stops it; 'oscircular console \(id)' returns to it."
                )
            }
            if end == .unread {
                Terminal.note("The guest keeps running as session \(id); 'oscircular stop \(id)' ends it.")
                return
            }
        }
        let following = Task { try await follow() }
        await directory.waitUntilEnded()
        following.cancel()
        // It ends because it was cancelled, or had ended.
        _ = await following.result
        Terminal.endProgress()
        if let rollback = directory.rollback {
            return try await SuccessorViewer(ended: directory, rollback, registry: registry, display: display).run()
        }
        if directory.isSuspended {
            return Terminal.note("session \(id) is suspended: 'oscircular resume \(id)' goes on with it")
        }
        Terminal.note("session \(id) ended; its console log is \(directory.log)")
        if let failure = directory.failure { throw SessionFailure(exitCode: 1, message: failure) }
    }

    /// Between two looks, at first and where nothing changes for long: each wakes the session, too.
    private static let pauses = (first: Duration.milliseconds(500), longest: Duration.seconds(4))

    /// Shows how the session is until it ends, or the task is cancelled.
    /// - Throws: CancellationError.
    private func follow() async throws {
        var (told, shown): (String?, String?)
        var pause = SessionViewer.pauses.first
        while directory.isAlive {
            // One that does not answer now may answer the next time.
            if let status = try? await registry.send(.status, to: directory.id).status, directory.isAlive {
                if let trouble = status.network, trouble.text != told {
                    Terminal.endProgress()
                    Terminal.note(Terminal.clean(trouble.text))
                    told = trouble.text
                }
                let line =
                    "\(status.distribution)@\(status.version) \(status.state.rawValue)  "
                    + "\(ByteCount.text(status.bytesFetched)) fetched, \(ByteCount.text(status.rate))/s"
                pause = line == shown ? min(pause * 2, SessionViewer.pauses.longest) : SessionViewer.pauses.first
                shown = line
                Terminal.progress(line)
            }
            try await Task.sleep(for: pause)
        }
    }
}
