import Synchronization

/// Finds in what a guest says on its serial console that it has come to its login.
///
/// A getty ends its greeting with a line that begins `login: `, or `NAME login: ` with the guest's name. An image without one may say
/// `READY`, alone on a line, when it is up. A guest says what it likes: a line's beginning is kept and no more, and what a login is worth
/// is for others to judge.
package struct LoginPrompt: Sendable {
    /// Bytes of a line that are looked at: more than any name and `login: `.
    private static let longestLine = 96
    private static let mark = Array("login: ".utf8)
    private static let ready = Array("READY".utf8)
    /// What a system says after a login, of an earlier one.
    private static let last = Array("Last ".utf8)

    private var filter = TerminalFilter(for: .text)
    private var line: [UInt8] = []

    package init() {}

    /// Takes the next piece of what the guest says.
    /// - Returns: whether a login was shown in it.
    package mutating func take(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in filter.pass(bytes) {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                let isReady = line == LoginPrompt.ready
                line.removeAll(keepingCapacity: true)
                if isReady { return true }
            } else if line.count < LoginPrompt.longestLine {
                line.append(byte)
                if byte == UInt8(ascii: " "), isPrompt { return true }
            }
        }
        return false
    }

    /// Whether the line so far is a prompt.
    private var isPrompt: Bool {
        guard line.count >= LoginPrompt.mark.count, line.suffix(LoginPrompt.mark.count).elementsEqual(LoginPrompt.mark)
        else { return false }
        let name = line.dropLast(LoginPrompt.mark.count)
        guard let last = name.last else { return true }
        // One word, and not a message's origin: `systemd[1]: `.
        return last == UInt8(ascii: " ") && name.count > 1 && !name.dropLast().contains(UInt8(ascii: " "))
            && name.dropLast().last != UInt8(ascii: ":") && !name.elementsEqual(LoginPrompt.last)
    }
}

/// Tells once that a guest's serial console has shown a login.
package final class LoginWatch: Sendable {
    private struct State {
        var prompt = LoginPrompt()
        var isSeen = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// What the guest says, on the console's thread.
    package func take(_ bytes: UnsafeRawBufferPointer) {
        let listeners = state.withLock { state -> [@Sendable () -> Void] in
            guard !state.isSeen, state.prompt.take(bytes) else { return [] }
            state.isSeen = true
            defer { state.listeners = [] }
            return state.listeners
        }
        for tell in listeners { tell() }
    }

    /// Whether a login was shown.
    package var isSeen: Bool { state.withLock { $0.isSeen } }

    /// Calls `tell` when a login is shown, at once where one was.
    package func whenSeen(_ tell: @escaping @Sendable () -> Void) {
        let isSeen = state.withLock { state in
            if !state.isSeen { state.listeners.append(tell) }
            return state.isSeen
        }
        if isSeen { tell() }
    }
}
