import Glibc
import Linux

/// A guest's screen in a window.
package enum GuestWindow {
    /// Starts virt-viewer's remote-viewer on the guest's screen, full screen, as a process of its own.
    /// - Returns: nil when it was started, else why not and what to do.
    package static func open(vncSocketPath: String) -> String? {
        guard getenv("DISPLAY") != nil || getenv("WAYLAND_DISPLAY") != nil else {
            return "no display: no window was opened"
        }
        guard let program = ProgramPath.find("remote-viewer") else {
            return "remote-viewer is not installed: install virt-viewer to see the guest's screen"
        }
        do {
            let null = try FileHandle(path: "/dev/null", flags: O_RDWR)
            let viewer = try SpawnedProcess.start(
                [program, "--full-screen", "vnc+unix://\(vncSocketPath)"],
                descriptors: [0: null.descriptor, 1: null.descriptor, 2: null.descriptor], newSession: true)
            // Collected when it ends, so that no dead process stays behind.
            WorkerThread.start(name: "viewer") { _ = viewer.wait() }
            return nil
        } catch {
            return "\(error)"
        }
    }
}
