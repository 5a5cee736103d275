import Linux

/// A guest's screen in a window.
package enum GuestWindow {
    /// Whether this process has a display to open windows on.
    /// - Parameter environment: gives a variable of the environment.
    package static func hasDisplay(
        environment: (String) -> String? = { name in Environment.value(name) }
    ) -> Bool {
        ["DISPLAY", "WAYLAND_DISPLAY"].contains { environment($0)?.isEmpty == false }
    }

    /// Starts virt-viewer on the guest's screen, full screen, as a process of its own.
    ///
    /// virt-viewer asks libvirt for the connection: remote-viewer 11 knows no address for a VNC server on a unix socket.
    /// - Parameters:
    ///   - screen: how the guest offers its screen.
    ///   - environment: gives a variable of the environment.
    /// - Returns: nil when it was started, else why not and what to do.
    package static func open(
        uri: String, domainName: String, screen: GuestScreen.Kind?,
        environment: (String) -> String? = { name in Environment.value(name) }
    ) -> String? {
        guard hasDisplay(environment: environment) else {
            return "no display (neither DISPLAY nor WAYLAND_DISPLAY is set): no window was opened"
        }
        guard let program = ProgramPath.find("virt-viewer") else {
            return "virt-viewer is not installed: install it to see the guest's screen"
        }
        do {
            let viewer = try ChildProcess(
                program, arguments(uri: uri, domainName: domainName, screen: screen), environment: nil, session: .own)
            // Collected when it ends, so that no dead process stays behind.
            try? WorkerThread.start(name: "viewer") { _ = viewer.wait() }
            return nil
        } catch {
            return "\(error)"
        }
    }

    static func arguments(uri: String, domainName: String, screen: GuestScreen.Kind?) -> [String] {
        // Whatever a broken QEMU asks the viewer for: it hands over no USB device. Viewers that were built without SPICE know no such option,
        // and show no such screen.
        let refusals = screen == .spice ? ["--spice-disable-usbredir"] : []
        return ["--connect", uri, "--attach", "--full-screen"] + refusals + ["--", domainName]
    }
}
