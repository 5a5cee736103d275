import CLinux
import Glibc

/// A signal by its meaning.
package struct Signal: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    private init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// SIGINT: Ctrl-C.
    package static let interrupt = Signal(SIGINT)
    /// SIGTERM: please end.
    package static let terminate = Signal(SIGTERM)
    /// SIGHUP: the terminal is gone.
    package static let hangUp = Signal(SIGHUP)
    /// SIGQUIT
    package static let quit = Signal(SIGQUIT)
    /// SIGKILL: nobody can refuse it.
    package static let kill = Signal(SIGKILL)
    /// SIGSTOP: as Ctrl-Z, but nobody can refuse it.
    package static let pause = Signal(SIGSTOP)
    /// SIGTSTP: Ctrl-Z.
    package static let terminalStop = Signal(SIGTSTP)
    /// SIGCONT
    package static let resume = Signal(SIGCONT)
    /// SIGWINCH: the terminal's size has changed.
    package static let windowSize = Signal(SIGWINCH)
    /// SIGXFSZ: a write would pass the limit of file sizes.
    package static let fileSizeLimit = Signal(SIGXFSZ)

    /// Sends it to a process.
    /// - Returns: false when there is no such process, or it is another user's.
    @discardableResult
    package func send(to process: ProcessID) -> Bool { Glibc.kill(process, rawValue) == 0 }

    /// Keeps signals from the calling thread, and from those that it starts: somebody else takes them.
    package static func block(_ signals: some Sequence<Signal>) { change(SIG_BLOCK, signals) }

    /// Lets them through again.
    package static func unblock(_ signals: some Sequence<Signal>) { change(SIG_UNBLOCK, signals) }

    /// Keeps every signal from the calling thread. A socket whose other end is gone gives EPIPE then, whatever a library calls.
    package static func blockAll() {
        var set = sigset_t()
        sigfillset(&set)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Lets signals through to the calling thread while something runs: they end the program then, as they do by default.
    package static func unblocked<Result>(_ signals: some Sequence<Signal>, _ body: () -> Result) -> Result {
        var set = set(signals)
        var before = sigset_t()
        pthread_sigmask(SIG_UNBLOCK, &set, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return body()
    }

    /// Holds the calling thread until one of the signals comes. Every thread must have them blocked.
    package static func wait(for signals: some Sequence<Signal>) -> Signal {
        var set = set(signals)
        var number: Int32 = 0
        // Only a set that is none is refused.
        while sigwait(&set, &number) != 0 {}
        return Signal(number)
    }

    /// What a shell gives as the exit code of a program that the signal ended.
    package var exitCode: Int32 { 128 + rawValue }

    private static func change(_ how: Int32, _ signals: some Sequence<Signal>) {
        var set = set(signals)
        pthread_sigmask(how, &set, nil)
    }

    private static func set(_ signals: some Sequence<Signal>) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal.rawValue) }
        return set
    }
}

/// Signals as something to poll (signalfd). Every thread must have them blocked.
package final class SignalDescriptor: Sendable {
    private let handle: FileHandle

    /// - Throws: ``SystemCallError`` of `signalfd`.
    package init(_ signals: [Int32]) throws(SystemCallError) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        handle = FileHandle(
            owning: try systemCall("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK)) }
        )
    }

    /// - Throws: ``SystemCallError`` of `signalfd`.
    package convenience init(_ signals: [Signal]) throws(SystemCallError) { try self.init(signals.map(\.rawValue)) }

    /// For poll; readable when a signal waits.
    package var descriptor: Int32 { handle.descriptor }

    /// Takes the signals that wait. Never waits itself.
    package func take() -> Set<Int32> {
        var taken = Set<Int32>()
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while Glibc.read(descriptor, &information, size) == size { taken.insert(Int32(information.ssi_signo)) }
        return taken
    }
}
