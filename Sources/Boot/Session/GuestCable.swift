import GuestNetwork

/// The guest hears of a network that was lost and came back as of a cable. Beside the session's loop, for QEMU may take long to answer.
struct GuestCable: Sendable {
    /// Pulls the cable (false) or puts it in; returns whether QEMU did it.
    let setLink: @Sendable (Bool) async -> Bool
    /// Whether the guest exists still.
    let isThere: @Sendable () async -> Bool
    /// Writes a line to the session's log.
    let log: @Sendable (String) -> Void
    /// Shows it with the session's status.
    let show: @Sendable (SessionStatus.NetworkTrouble) -> Void
    /// Between two tries: while a read waits, libvirt gives up on QEMU after half a minute.
    var pause = Duration.seconds(2)
    /// A guest that ends takes its connection along, and libvirt says so a little later.
    var farewell = Duration.seconds(10)

    static let unplugged =
        "the guest's network has ended and QEMU does not connect to it again: shut the guest down and boot it again"

    /// Returns when the network is closed, or its task is cancelled.
    func follow(_ events: AsyncStream<GuestNetwork.Event>) async {
        var (cable, watch): (Task<Void, Never>?, Task<Void, Never>?)
        defer {
            cable?.cancel()
            watch?.cancel()
        }
        for await event in events {
            switch event {
            case .lost(let reason):
                log("the guest's network was lost (\(reason)) and is started again")
                // Not again where it fails: what counts is that the cable is in at the end.
                cable = after(cable) { _ = await setLink(false) }
            case .back:
                log("the guest's network is back")
                cable = after(cable) { await plugIn() }
            case .unplugged:
                watch?.cancel()
                watch = Task { if await sleeps(farewell), await isThere() { warn(.unplugged, Self.unplugged) } }
            // A guest that did not wake was ended, and another one started in its place.
            case .replugged: watch?.cancel()
            case .exposed(let text): warn(.exposed, text)
            }
        }
    }

    /// One after the other: of two calls at once, the older one might come last.
    private func after(
        _ last: Task<Void, Never>?, _ body: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        last?.cancel()
        return Task {
            await last?.value
            await body()
        }
    }

    /// Until QEMU has done it, the guest is gone, or something newer has happened.
    private func plugIn() async {
        while await !setLink(true) {
            guard await sleeps(pause), await isThere() else { return }
        }
    }

    private func warn(_ kind: SessionStatus.NetworkTrouble.Kind, _ text: String) {
        log("warning: \(text)")
        show(SessionStatus.NetworkTrouble(kind: kind, text: text))
    }

    /// - Returns: false where it was cancelled.
    private func sleeps(_ time: Duration) async -> Bool {
        do {
            try await Task.sleep(for: time)
            return true
        } catch {
            return false
        }
    }
}
