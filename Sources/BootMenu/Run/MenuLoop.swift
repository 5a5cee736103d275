import Catalog
import Curses
import Linux

/// The running menu: the loop around ``MenuState``.
///
/// A key goes this way: ``Screen`` reads it as a `ScreenInput`, `MenuState.handle` looks it up among the ``KeyBinding``s of the
/// screen that is shown and changes the state, and what must happen outside comes back as ``MenuEffect``s. `start` carries each
/// one out in a task of its own, through the ``MenuBackend``. Its result, like everything else that is new (guests, catalogs, a
/// download's progress), is posted as a ``MenuEvent``, and `MenuState.handle` takes it in. ``MenuView`` then draws the state as
/// a frame of rows, and the ``Screen`` sends the terminal those that changed.
///
/// State, view and effects are values without I/O, so that tests press keys and read screens without a terminal. All of this
/// actor runs on the screen's thread; whatever takes time runs elsewhere.
package actor MenuLoop {
    /// Events redraw the screen at most this often; keys do so at once. Nanoseconds.
    private static let drawInterval: UInt64 = 33_000_000
    private static let doubleClick: UInt64 = 500_000_000

    private nonisolated let thread: UIThread
    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let backend: any MenuBackend
    let options: MenuOptions
    var state: MenuState
    private var screen: Screen?
    private var glyphs = Glyphs.unicode
    var pictures = PictureFollowing()
    private let signals: TerminalSignals
    let consoleInterruption: EventDescriptor

    private var frame = Frame(rows: [])
    var isDirty = false
    private var lastDraw: UInt64 = 0
    private var lastClick: (target: HitTarget, time: UInt64)?
    /// When the guests are asked next, by ``MonotonicClock``.
    var nextPoll: UInt64 = 0
    private var isPolling = false
    /// When the user did something last, by ``MonotonicClock``.
    private var lastInput = MonotonicClock.nanoseconds
    /// How many guests have come up that were started from here.
    var ups = 0
    private var catalogsStamp: Int64?
    /// Whether a console or the shell has the terminal.
    var isAway = false
    /// The signal that ends the menu as soon as the console has given the terminal back.
    private var pendingSignal: Int32?
    var fetches: [Int: Task<Void, Never>] = [:]
    var isLoadingOffer = false
    /// What the user said last to a change of the table is being kept.
    var answering: Task<Void, Never>?
    var wantsOfferAgain: Bool?
    /// When kept machines are looked at next without a reason, by ``MonotonicClock``.
    private var nextMachines: UInt64 = 0
    var isLoadingMachines = false
    var wantsMachinesAgain = false
    private var ended: CheckedContinuation<MenuEnd, Never>?
    private var end: MenuEnd?

    /// - Throws: ``SystemCallError``.
    package init(backend: any MenuBackend, options: MenuOptions, facts: MachineFacts) throws {
        thread = try UIThread()
        signals = try TerminalSignals()
        consoleInterruption = try EventDescriptor()
        self.backend = backend
        self.options = options
        state = MenuState(facts: facts, size: ScreenSize(columns: 80, rows: 24), now: Timestamp.now.seconds)
    }

    /// Shows the menu until the user leaves it, or ``interrupt(_:)``. SIGWINCH and SIGCONT must be blocked in every thread.
    /// - Throws: ``ScreenError``, ``SystemCallError`` when there is no screen.
    package func run() async throws -> MenuEnd {
        JobControl.ignoreKeys()
        let screen = try Screen(options.screen)
        self.screen = screen
        glyphs = options.ascii || !screen.isUTF8 ? .ascii : .unicode
        _ = state.handle(.resized(screen.size))
        adoptPictures(screen)
        listen()
        draw()
        perform(state.start())
        let end = await withCheckedContinuation { continuation in
            if let end = self.end { continuation.resume(returning: end) } else { ended = continuation }
        }
        for fetch in fetches.values { fetch.cancel() }
        thread.end()
        return end
    }

    /// Ends the menu from any thread, with the terminal as it was.
    package nonisolated func interrupt(_ number: Int32) {
        Task { await self.finish(signal: number) }
    }

    private func finish(signal: Int32?) {
        guard end == nil else { return }
        if isAway {
            // The program's end must not overtake it: the terminal would stay as the guest left it.
            pendingSignal = signal
            consoleInterruption.signal()
            return
        }
        screen?.close()
        let end = MenuEnd(signal: signal, guests: state.guests.count)
        self.end = end
        thread.wait(for: []) { _ in }
        ended?.resume(returning: end)
        ended = nil
    }

    // MARK: Events

    /// Takes an event that is not input; the screen follows soon.
    func post(_ event: MenuEvent) {
        guard end == nil else { return }
        perform(state.handle(event))
        isDirty = true
        schedule()
    }

    private func listen() {
        let input = screen?.inputDescriptor ?? -1
        let sources = isAway ? [signals.descriptor] : [input, signals.descriptor]
        thread.wait(for: sources) { [weak self] ready in self?.assumeIsolated { $0.wakeUp(ready) } }
        schedule()
    }

    private func wakeUp(_ ready: Set<Int32>) {
        guard end == nil, let screen else { return }
        if ready.contains(signals.descriptor) {
            let wasContinued = signals.take()
            if wasContinued && !isAway {
                // After a stop from outside, the terminal may be in a shell's mode.
                screen.suspend()
                screen.resume()
            }
            screen.resize()
            adoptPictures(screen)
            perform(state.handle(.resized(screen.size)))
            isDirty = true
        }
        if ready.contains(screen.inputDescriptor) && !isAway { read(screen) }
        let now = MonotonicClock.nanoseconds
        if now >= nextPoll { poll(now) }
        if isDirty && now >= lastDraw + MenuLoop.drawInterval { draw() }
        schedule()
    }

    private func read(_ screen: Screen) {
        let inputs = screen.read()
        adoptPictures(screen)
        if screen.isGone { return finish(signal: JobControl.hangup) }
        if !inputs.isEmpty { touch() }
        for input in inputs where end == nil {
            if case .click(let row, let column) = input {
                click(row, column)
            } else {
                perform(state.handle(.input(input)))
            }
        }
        if !inputs.isEmpty && !isAway && end == nil { draw() }
    }

    private func click(_ row: Int, _ column: Int) {
        guard let target = frame.target(row: row, column: column) else { return }
        let now = MonotonicClock.nanoseconds
        let isDouble = lastClick.map { $0.target == target && now - $0.time < MenuLoop.doubleClick } ?? false
        lastClick = isDouble ? nil : (target, now)
        perform(state.handle(.hit(target, isDouble: isDouble)))
    }

    /// Somebody is there: what may be out of date is asked for at once.
    private func touch() {
        let now = MonotonicClock.nanoseconds
        let wasLeft = MenuPace.isLeft(since: lastInput, now: now)
        lastInput = now
        if wasLeft { nextPoll = now }
    }

    private func pollInterval(at now: UInt64) -> UInt64 {
        MenuPace(showsGuest: state.top.screen.kind == .guest, isLive: state.isLive).interval(since: lastInput, now: now)
    }

    /// Asks for the guests' status, and advances the state's clock.
    private func poll(_ now: UInt64) {
        let before = state.now
        perform(state.handle(.tick(Timestamp.now.seconds)))
        if state.isLive || state.now / 60 != before / 60 { isDirty = true }
        nextPoll = now + pollInterval(at: now)
        if state.followsMachines, now >= nextMachines {
            // Each block of their bases is looked up.
            nextMachines = now + 5_000_000_000
            loadMachines()
        }
        askForScreen(now)
        // Another program may go on with it.
        if case .bisect(let name) = state.top.screen { followBisect(name) }
        guard !isPolling else { return }
        isPolling = true
        let watched = state.watched
        Task {
            await loadGuests()
            let stamp = await backend.catalogsStamp()
            if let before = catalogsStamp, stamp != before { loadOffer(isAsked: false) }
            catalogsStamp = stamp
            if let watched, let cells = await backend.picture(session: watched.session, cells: watched.cells) {
                post(.picture(session: watched.session, cells: cells))
            }
            isPolling = false
        }
    }

    func loadGuests() async {
        let before = ups
        let guests = await backend.guests()
        // A survey from before a guest came up would take it for one that has ended; another follows.
        guard before == ups else { return }
        // If nothing changed there is nothing to draw.
        if guests != state.guests { post(.guests(guests)) }
    }

    // MARK: The screen

    private func schedule() {
        guard end == nil else { return }
        let draw = isDirty && !isAway ? lastDraw + MenuLoop.drawInterval : UInt64.max
        thread.setTimer(min(draw, nextPoll))
    }

    private func draw() {
        guard let screen, !isAway, end == nil else { return }
        isDirty = false
        lastDraw = MonotonicClock.nanoseconds
        frame = MenuView.frame(of: state, glyphs: glyphs)
        let rows = options.color ? frame.rows : frame.rows.map { $0.map(MenuLoop.withoutColor) }
        screen.draw(rows, cursor: frame.cursor, picture: frame.picture.flatMap { placedPicture(in: $0) })
    }

    private static func withoutColor(_ run: ScreenRun) -> ScreenRun {
        var run = run
        run.style.subtract([.accent, .alert])
        run.colors = nil
        return run
    }

    func perform(_ effects: [MenuEffect]) {
        for effect in effects {
            switch effect {
            case .quit: finish(signal: nil)
            case .redraw:
                screen?.invalidate()
                isDirty = true
            case .suspend: stop()
            default: start(effect)
            }
        }
    }

    /// Stops the process as the shell's job control expects, until it is continued.
    private func stop() {
        guard let screen, !isAway else { return }
        screen.suspend()
        JobControl.stop()
        screen.resume()
        perform(state.handle(.resized(screen.size)))
        isDirty = true
        lastDraw = 0
    }

    /// Gives the terminal back while `body` runs.
    func away(_ body: () async throws -> Void) async throws {
        guard let screen, !isAway, end == nil else { return }
        isAway = true
        screen.suspend()
        listen()
        defer {
            isAway = false
            if let pendingSignal {
                finish(signal: pendingSignal)
            } else if end == nil {
                screen.resume()
                perform(state.handle(.resized(screen.size)))
                isDirty = true
                listen()
            }
        }
        try await body()
    }
}

/// How the menu ended.
package struct MenuEnd: Sendable, Hashable {
    /// The signal that ended it; nil when the user left.
    package let signal: Int32?
    /// Guests that keep running.
    package let guests: Int
}
