import CLinux
import Glibc

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

    /// For poll; readable when a signal waits.
    package var descriptor: Int32 { handle.descriptor }

    /// Takes the signals that wait. Never blocks.
    package func take() -> Set<Int32> {
        var taken = Set<Int32>()
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while Glibc.read(descriptor, &information, size) == size { taken.insert(Int32(information.ssi_signo)) }
        return taken
    }
}
