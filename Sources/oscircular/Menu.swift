import Boot
import BootMenu
import Curses
import GuestDomain
import Linux

/// `oscircular` without a command.
struct Menu {
    let mouse: Bool
    let color: Bool
    let ascii: Bool
    let display: BootRequest.Display?

    /// Returns when the user has left the menu.
    /// - Throws: ``ScreenError`` where there is no terminal for it, ``BootError``.
    func run() async throws {
        // Before anything else: a script that forgot the command should hear of it.
        guard TerminalDevice.isTerminal(StandardDescriptor.input),
            TerminalDevice.isTerminal(StandardDescriptor.output)
        else { throw ScreenError.noTerminal }
        let context = try CommandContext.load()
        let backend = BootBackend(
            places: context.places, configuration: context.configuration, program: CommandContext.program,
            hasDisplay: GuestWindow.hasDisplay(), describe: { ErrorReport($0).message })
        let menu = try MenuLoop(backend: backend, options: options(context), facts: facts(context))
        Interruption.handle { signal in
            menu.interrupt(signal.rawValue)
            // The screen's thread may hang; the terminal is restored all the same. Without a thread that is left to the menu.
            try? WorkerThread.start(name: "last resort") {
                MonotonicClock.pause(milliseconds: 3000)
                TerminalUndo.run()
                CurrentProcess.endNow(signal.exitCode)
            }
        }
        let end = try await menu.run()
        if let signal = end.signal { CurrentProcess.end(128 + signal) }
        Interruption.handle(nil)
        if end.guests > 0 {
            Terminal.note(
                end.guests == 1
                    ? "1 guest keeps running; 'oscircular' shows it again, 'oscircular sessions' lists it."
                    : "\(end.guests) guests keep running; 'oscircular' shows them again, 'oscircular sessions' lists them."
            )
        }
    }

    private func options(_ context: CommandContext) -> MenuOptions {
        let places = context.places
        // As sessions create them: QEMU's own user must get through. If it fails, the first session reports it.
        for folder in [places.state, places.logs] { try? places.makePassable(folder) }
        return MenuOptions(
            mouse: mouse, color: color, ascii: ascii,
            pictures: PictureSetting(rawValue: context.configuration.pictures) ?? .auto, errorLog: errorLog(places),
            environment: Menu.variable)
    }

    private func facts(_ context: CommandContext) -> MachineFacts {
        let opening: MachineFacts.Opening =
            switch display ?? context.configuration.display.flatMap(BootRequest.Display.init(rawValue:)) {
            case .window where GuestWindow.hasDisplay(): .window
            case .console: .console
            default: .nothing
            }
        return MachineFacts(
            hasDisplay: GuestWindow.hasDisplay(), mayShowShell: !LoginFacts.current().isLoginsFirst,
            errorLog: errorLog(context.places), secondsEast: Int64(WallClock.secondsEast), opening: opening,
            isOpeningAsked: display != nil, fetchesRest: context.configuration.prefetchRest != "never")
    }

    /// Not named like a session's log, which would be trimmed.
    private func errorLog(_ places: Places) -> String { "\(places.logs)/menu-errors.log" }

    private static func variable(_ name: String) -> String? { Environment.text(name) }
}
