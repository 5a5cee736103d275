import CNcurses
import Glibc
import Linux

/// The terminal as a screen of rows, through ncurses. Not Sendable: it belongs to the actor of the ``UIThread``.
package final class Screen {
    /// Whether the user's locale is UTF-8.
    package let isUTF8: Bool
    private let hasDim: Bool
    /// The size at the last look.
    package private(set) var size: ScreenSize
    /// Pixels of a cell; nil where the terminal does not say.
    package private(set) var cell: CellSize?
    /// How many colours cells can have; 0 where they may have none.
    package private(set) var colors = 0
    /// Whether the terminal went away.
    package private(set) var isGone = false

    private let terminal: FileHandle
    private let ownOutput: FileHandle
    private let ownErrors: FileHandle
    private let log: FileHandle
    private let output: OutputStream
    private var pointer: OpaquePointer?
    private var shown: [[ScreenRun]] = []
    private var cursor: (row: Int, column: Int)?
    private var picture: PlacedPicture?
    private var pairs = ColorPairs()
    private var isShown = false
    private var reader = InputReader()

    /// Takes the terminal: nothing else may print on it until ``close()`` or ``suspend()``.
    ///
    /// SIGWINCH and SIGCONT must be blocked in all threads, and SIGTSTP ignored: ncurses would handle them on any thread.
    /// - Throws: ``ScreenError``, ``SystemCallError``.
    package init(_ options: ScreenOptions) throws {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { throw ScreenError.noTerminal }
        isUTF8 = osc_take_locale() == 1
        hasDim = options.dim
        try Screen.probe()
        terminal = try Screen.copy(STDOUT_FILENO)
        ownOutput = try Screen.copy(STDOUT_FILENO)
        ownErrors = try Screen.copy(STDERR_FILENO)
        log = try Screen.openLog(options.errorLog)
        output = try OutputStream(copyOf: STDOUT_FILENO)
        // A serial line has no size of its own.
        size =
            Screen.askSize(terminal.descriptor)
            ?? ScreenSize(lines: Environment.value("LINES"), columns: Environment.value("COLUMNS"))
            ?? ScreenSize(columns: 80, rows: 24)
        TerminalUndo.arm(descriptor: terminal.descriptor)
        pointer = osc_start(output.pointer, options.mouse ? 1 : 0, options.colors ? 1 : 0)
        guard pointer != nil else {
            TerminalUndo.disarm()
            throw ScreenError.failed
        }
        resizeterm(Int32(size.rows), Int32(size.columns))
        redirect(to: log, log)
        isShown = true
        cell = Screen.askCell(terminal.descriptor, size)
        if options.colors, has_colors() { (colors, pairs) = (Int(osc_colors()), ColorPairs(room: osc_color_pairs())) }
        tell("\u{1b}[?2004h" + (options.asksForPictures ? reader.answers.begin(MonotonicClock.nanoseconds) : ""))
    }

    deinit {
        close()
        if let pointer { delscreen(pointer) }
    }

    /// For poll; readable when there is input.
    package var inputDescriptor: Int32 { STDIN_FILENO }

    /// What the terminal has said so far; more may come with ``read()``.
    package var abilities: TerminalAbilities { reader.answers.abilities }

    // MARK: Drawing

    /// Shows these rows, and a picture over cells that they leave empty. Only rows that differ from those shown before are drawn.
    ///
    /// Each row of the picture must end with a sign to its right, beyond its cells: ncurses clears what is empty up to the end of a line, and
    /// the picture with it.
    package func draw(
        _ rows: [[ScreenRun]], cursor: (row: Int, column: Int)? = nil, picture: PlacedPicture? = nil
    ) {
        guard isShown else { return }
        if pairs.isFull { forgetColors() }
        var hasChanged = cursor?.row != self.cursor?.row || cursor?.column != self.cursor?.column
        if let old = self.picture, old.rows != picture?.rows || old.columns != picture?.columns {
            remove(old)
            hasChanged = true
        }
        for row in 0..<size.rows {
            let runs = row < rows.count ? rows[row] : []
            if row < shown.count, shown[row] == runs { continue }
            hasChanged = true
            osc_clear_line(Int32(row))
            for run in runs where run.column < size.columns { put(run, row: row) }
        }
        shown = (0..<size.rows).map { $0 < rows.count ? rows[$0] : [] }
        self.cursor = cursor
        if hasChanged { osc_show(Int32(cursor?.row ?? -1), Int32(cursor?.column ?? 0)) }
        if let picture, picture != self.picture { tell(picture.sequence) }
        self.picture = picture
    }

    /// The next ``draw(_:cursor:picture:)`` redraws everything: another program wrote on the terminal.
    package func invalidate() {
        shown = []
        picture = nil
        osc_forget()
    }

    private func remove(_ picture: PlacedPicture) {
        tell(picture.removal)
        let rows = picture.rows.clamped(to: 0..<size.rows)
        if !rows.isEmpty { osc_forget_rows(Int32(rows.lowerBound), Int32(rows.count)) }
        self.picture = nil
    }

    /// All cells are drawn with new pairs: one that is shown must not get other colours.
    private func forgetColors() {
        pairs.removeAll()
        shown = []
    }

    private func put(_ run: ScreenRun, row: Int) {
        let scalars = run.text.unicodeScalars.map(\.value)
        let plain: Int32 = run.style.contains(.alert) ? 2 : run.style.contains(.accent) ? 1 : 0
        let pair = run.colors.map { pairs.pair(for: $0) } ?? plain
        let style = hasDim ? run.style : run.style.subtracting(.dim)
        osc_put(Int32(row), Int32(run.column), scalars, Int32(scalars.count), Int32(style.rawValue & 15), pair)
    }

    /// Adopts the terminal's current size.
    package func resize() {
        guard let new = Screen.askSize(terminal.descriptor) else { return }
        size = new
        cell = Screen.askCell(terminal.descriptor, new)
        if isShown {
            resizeterm(Int32(new.rows), Int32(new.columns))
            invalidate()
        }
    }

    // MARK: Input

    /// The input since the last call. Never waits longer than an escape sequence takes.
    package func read() -> [ScreenInput] {
        guard isShown else { return [] }
        let inputs = reader.read()
        if let question = reader.answers.nextQuestion() { tell(question) }
        if inputs.isEmpty {
            var item = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            if poll(&item, 1, 0) > 0, Int32(item.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0 { isGone = true }
        }
        return inputs
    }

    // MARK: Giving the terminal back

    /// Gives the terminal back for a while: to a console, or to the shell.
    package func suspend() {
        guard isShown else { return }
        if let picture { remove(picture) }
        awaitAnswers()
        isShown = false
        tell("\u{1b}[?2004l")
        osc_end()
        TerminalUndo.disarm()
        redirect(to: ownOutput, ownErrors)
    }

    /// Takes the terminal again.
    package func resume() {
        guard !isShown, pointer != nil else { return }
        TerminalUndo.arm(descriptor: terminal.descriptor)
        redirect(to: log, log)
        isShown = true
        resize()
        osc_resume()
        tell("\u{1b}[?2004h")
    }

    /// Gives the terminal back for good.
    package func close() { suspend() }

    private func redirect(to output: FileHandle, _ errors: FileHandle) {
        fflush(nil)
        dup2(output.descriptor, STDOUT_FILENO)
        dup2(errors.descriptor, STDERR_FILENO)
    }

    /// Whoever gets the terminal would take an answer that is under way for typing: it is waited for, for a moment.
    private func awaitAnswers() {
        let end = MonotonicClock.nanoseconds + 300_000_000
        var item = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        while case let now = MonotonicClock.nanoseconds, now < end,
            reader.answers.isAwaited(now, within: 1_000_000_000),
            poll(&item, 1, Int32((end - now) / 1_000_000)) > 0
        {
            let isGone = Int32(item.revents) & (POLLHUP | POLLERR | POLLNVAL) != 0
            // What would be asked next is not.
            if reader.read().isEmpty && isGone || reader.answers.nextQuestion() != nil { return }
        }
    }

    /// Writes bytes past ncurses.
    private func tell(_ sequence: String) { tell(Array(sequence.utf8)) }

    private func tell(_ bytes: [UInt8]) {
        // A terminal that is gone is noticed when it is read.
        _ = bytes.withUnsafeBytes { try? terminal.write($0) }
    }

    // MARK: Parts

    private static func probe() throws(ScreenError) {
        let name = getenv("TERM").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        guard let name else { throw .unknownTerminal(nil) }
        switch osc_probe_terminal(STDOUT_FILENO) {
        case 1: return
        case -2: throw .tooSimple(name)
        default: throw .unknownTerminal(name)
        }
    }

    private static func copy(_ descriptor: Int32) throws(SystemCallError) -> FileHandle {
        FileHandle(owning: try systemCall("fcntl") { fcntl(descriptor, F_DUPFD_CLOEXEC, 10) })
    }

    private static func openLog(_ path: String?) throws(SystemCallError) -> FileHandle {
        if let path,
            // Without a log, what is printed is discarded; the menu works all the same.
            let log = try? FileHandle(path: path, flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
        {
            // Bounded: what was written before is old. If its size cannot be read, it is left as it is.
            if let status = try? log.status(), status.st_size > 1 << 20 { ftruncate(log.descriptor, 0) }
            return log
        }
        return try FileHandle(path: "/dev/null", flags: O_WRONLY)
    }

    private static func askSize(_ descriptor: Int32) -> ScreenSize? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return ScreenSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }

    private static func askCell(_ descriptor: Int32, _ cells: ScreenSize) -> CellSize? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return CellSize(pixels: (Int(size.ws_xpixel), Int(size.ws_ypixel)), of: cells)
    }
}

/// A stream of the C library, which ncurses needs. Closed with the object.
final class OutputStream {
    let pointer: UnsafeMutablePointer<FILE>

    /// Writes to a copy of the descriptor.
    /// - Throws: ``SystemCallError`` of `dup` or `fdopen`.
    init(copyOf descriptor: Int32) throws(SystemCallError) {
        let copy = try systemCall("dup") { dup(descriptor) }
        guard let pointer = fdopen(copy, "w") else {
            let error = SystemCallError.last("fdopen")
            Glibc.close(copy)
            throw error
        }
        self.pointer = pointer
    }

    deinit { fclose(pointer) }
}
