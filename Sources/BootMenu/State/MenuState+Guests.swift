import Boot

/// What is done to a guest that runs.
extension MenuState {
    /// The effect, if the guest can be reached already.
    mutating func reach(_ guest: Guest, _ effect: MenuEffect) -> [MenuEffect] {
        if guest.status.phase < .guest {
            say("\(guest.image.title) is still starting")
            return []
        }
        return [effect]
    }

    mutating func openWindow() -> [MenuEffect] {
        guard let guest = chosenGuest else { return [] }
        if !facts.hasDisplay {
            say("there is no display for a window here; press c for the console")
            return []
        }
        if guest.status.phase == .up, guest.status.state != .suspended, guest.status.screen == nil {
            say("\(guest.image.title) was started without a screen; press c for the console")
            return []
        }
        return reach(guest, .window(session: guest.id))
    }

    mutating func pause() -> [MenuEffect] {
        guard let guest = chosenGuest else { return [] }
        if guest.isSuspended { return resume(guest) }
        return guest.status.state == .paused ? order(guest, .resume, "resuming") : order(guest, .pause, "pausing")
    }

    mutating func order(_ guest: Guest, _ command: ControlCommand, _ result: String) -> [MenuEffect] {
        say("\(guest.image.title): \(result)")
        return [.order(command, session: guest.id)]
    }
}
