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
        // Without it no event comes; a session asks for its guest's state now and then all the same. What is added while the loop sleeps
        // wakes it.
        let thread: Void? = try? WorkerThread.start(name: "libvirt") {
            while true {
                // An error is a moment's (no memory); without the loop no end of a guest would ever be heard of.
                if virEventRunDefaultImpl() < 0 { usleep(100_000) }
            }
        }
        return thread != nil
    }()
}
