import CLibvirt
import Glibc
import Linux

/// libvirt's own event loop on a thread of its own. It must be there before the first connection.
enum LibvirtEventLoop {
    /// Starts the loop at the first call.
    static func start() { _ = started }

    private static let started: Bool = {
        // The default handler prints on standard error, over whatever is on the screen.
        virSetErrorFunc(nil) { @Sendable _, _ in }
        virInitialize()
        guard virEventRegisterDefaultImpl() == 0 else { return false }
        // A timer, so that the loop wakes for what was added while it slept.
        virEventAddTimeout(500, { @Sendable _, _ in }, nil, nil)
        // Without it no event comes; a session asks for its guest's state every few seconds all the same.
        let thread: Void? = try? WorkerThread.start(name: "libvirt") {
            while true {
                // An error is a moment's (no memory); without the loop no end of a guest would ever be heard of.
                if virEventRunDefaultImpl() < 0 { usleep(100_000) }
            }
        }
        return thread != nil
    }()
}
