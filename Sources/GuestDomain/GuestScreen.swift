import Linux

/// A guest's screen for a window: how QEMU offers it, and where.
package struct GuestScreen: Sendable, Equatable {
    package enum Kind: String, Sendable, Codable {
        /// With sound, a size that follows the window, and a clipboard where that is allowed.
        case spice
        /// Where QEMU has no SPICE: pictures, keyboard and pointer alone.
        case vnc
    }

    package var kind: Kind
    /// QEMU's socket. Its folder is made for QEMU's user when the guest starts, and removed.
    package var socketPath: String
    /// Whether what is copied on the user's desktop reaches the guest, and what is copied there the desktop. QEMU itself drops it otherwise,
    /// whatever guest and viewer want. Of ``Kind/spice`` only.
    package var sharesClipboard: Bool

    package init(_ kind: Kind, socketPath: String, sharesClipboard: Bool = false) {
        self.kind = kind
        self.socketPath = socketPath
        self.sharesClipboard = kind == .spice && sharesClipboard
    }
}

extension GuestScreen.Kind {
    /// The best that an emulator has.
    /// - Parameter capabilities: libvirt's description of the domains that it can make; nil where it gives none.
    init(capabilities: String?) {
        let graphics = capabilities?.between("<graphics supported='yes'>", "</graphics>")
        self = graphics?.contains("<value>spice</value>") == true ? .spice : .vnc
    }
}

extension HypervisorConnection {
    /// How screens of guests are offered here: QEMU's SPICE is a package of its own on some systems.
    package func screenKind(
        _ accelerator: Accelerator, _ architecture: GuestArchitecture
    ) async throws -> GuestScreen.Kind {
        let connection = connection
        return try await WorkerThread.run(name: "libvirt screens") {
            GuestScreen.Kind(
                capabilities: connection.domainCapabilities(
                    domainType: accelerator.domainType, architecture: architecture.rawValue,
                    machine: architecture.machine))
        }
    }
}

extension String {
    /// What stands between the first `start` and the next `end`.
    fileprivate func between(_ start: String, _ end: String) -> Substring? {
        let pieces = split(separator: start, maxSplits: 1, omittingEmptySubsequences: false)
        guard pieces.count == 2 else { return nil }
        return pieces[1].split(separator: end, maxSplits: 1, omittingEmptySubsequences: false).first
    }
}
