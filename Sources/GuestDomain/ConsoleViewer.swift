import Linux

/// A guest's serial console on this process's standard input and output.
///
/// What the guest writes passes through a ``TerminalFilter``: a guest draws on the user's terminal, and does nothing else with
/// it.
package enum ConsoleViewer {
    package enum End: Sendable, Equatable {
        /// The user typed Ctrl-].
        case left
        /// The guest is gone.
        case closed
        /// The output cannot be written, which the program's end says.
        case unread
        /// The caller wanted the end.
        case interrupted
    }

    /// Ctrl-], as telnet and virsh have it.
    private static let escape: UInt8 = 0x1d
    /// Bytes that may wait for a guest that does not read. What a person types beyond that is lost; a pipe waits.
    private static let pendingLimit = 65_536

    /// Connects and relays until the user leaves or the guest ends; holds the calling thread. The terminal is restored on every
    /// way out, with the modes that the guest set.
    /// - Parameters:
    ///   - input: read from; a terminal is in raw mode until the end.
    ///   - output: written to; what is not a terminal gets text alone.
    ///   - interruption: ends the viewer when it is signalled; for a program's signals, which would otherwise end it
    ///     with the terminal in raw mode.
    ///   - moment: milliseconds without input after which nothing more is expected of the terminal.
    /// - Throws: ``SystemCallError`` when the session's console does not answer.
    package static func run(
        socketPath: String, input: Int32 = StandardDescriptor.input, output: StandardOutput = .program,
        interruption: EventDescriptor? = nil, moment: Int32 = 100
    ) throws(SystemCallError) -> End {
        let console = try UnixListener.connect(to: socketPath)
        // A guest that does not read must not keep the viewer from the escape key and its signals.
        try console.makeNonblocking()
        var filter = TerminalFilter(for: target(output))
        let terminal = RawTerminal(input)
        defer {
            // The mouse falls silent before the last of its movements are discarded.
            _ = show(filter.reset, on: output, interruption)
            terminal?.restore(moment: moment)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        var readsInput = true
        var pending: [UInt8] = []
        while true {
            let takesInput = readsInput && (terminal != nil || pending.count < pendingLimit)
            var waiting = [
                PollSource(console.descriptor, pending.isEmpty ? .readable : [.readable, .writable]),
                PollSource(takesInput ? input : nil), PollSource(interruption?.descriptor),
            ]
            try PollSource.wait(for: &waiting)
            if waiting[2].hasNews { return .interrupted }
            if waiting[0].found.contains(.writable) { send(&pending, to: console) }
            if waiting[0].isReadable {
                // A session that is gone may reset the connection instead of ending it.
                switch try? console.receive(into: buffer) {
                case .bytes(let count):
                    switch show(filter.pass(buffer[..<count]), on: output, interruption) {
                    case .all: break
                    case .failed: return .unread
                    case .interrupted: return .interrupted
                    }
                case .nothingYet: break
                case .end, nil: return .closed
                }
            }
            if waiting[1].hasNews {
                // At the end of a file or pipe, and where it cannot be read, the guest's output still matters.
                guard case .bytes(let count)? = try? FileHandle.receive(from: input, into: buffer) else {
                    readsInput = false
                    continue
                }
                let typed = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // Only a person leaves by a key; bytes of a pipe are passed on as they are.
                let end = terminal == nil ? nil : typed.firstIndex(of: escape)
                if pending.count < pendingLimit { pending.append(contentsOf: typed[..<(end ?? count)]) }
                send(&pending, to: console)
                if end != nil { return .left }
            }
        }
    }

    /// A terminal that takes no output must not keep the viewer from its end.
    private static func show(
        _ bytes: [UInt8], on output: StandardOutput, _ interruption: EventDescriptor?
    ) -> StandardOutput.Written {
        bytes.withUnsafeBytes { bytes in
            guard let interruption else { return output.write(bytes) ? .all : .failed }
            return output.write(bytes, until: interruption)
        }
    }

    private static func target(_ output: StandardOutput) -> TerminalFilter.Target {
        guard output.isTerminal else { return .text }
        return output.isUTF8Terminal || Environment.isUTF8 ? .terminal : .byteTerminal
    }

    /// Sends as much as the console takes now. A guest that is gone is seen at the next read.
    private static func send(_ pending: inout [UInt8], to console: FileHandle) {
        // The doc comment's reason.
        let count = pending.withUnsafeBytes { try? console.send($0) }
        pending.removeFirst(count ?? pending.count)
    }
}
