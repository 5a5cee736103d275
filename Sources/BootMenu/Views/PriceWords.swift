import Curses

/// What a row costs or can do, in words: before Enter, and honest.
enum PriceWords {
    /// For a version.
    static func of(_ version: VersionItem, _ image: ImageName, _ state: MenuState) -> (text: String, style: ScreenStyle)
    {
        if let guest = state.guest(of: image) { return (of(guest, now: state.now), [.accent, .bold]) }
        if let fetch = state.fetches.first(where: { $0.image == image && $0.state == .running }) {
            let share = fetch.total == 0 ? 0 : fetch.done * 100 / fetch.total
            return ("fetching, \(share) %", [.accent])
        }
        switch version.offline {
        case .whole: return ("here, complete", [])
        case .boots: return ("boots offline", [])
        case .no: break
        }
        if let toBoot = version.toBoot { return ("\(Words.bytes(toBoot)) to boot", []) }
        return ("\(Words.bytes(version.missing)) at most", [])
    }

    /// For a system: a guest of whichever version goes first.
    static func of(_ system: SystemItem, _ state: MenuState) -> (text: String, style: ScreenStyle) {
        if let guest = state.guests.first(where: { $0.image.system == system.name }) {
            return (of(guest, now: state.now), [.accent, .bold])
        }
        guard let newest = system.newest else { return ("no version yet", [.dim]) }
        let words = of(newest, ImageName(system: system.name, version: newest.id), state)
        if let catalog = state.catalog(system.name.catalog), catalog.isTrouble, newest.offline == .no {
            return ("catalog \(catalog.state.rawValue)", [.dim])
        }
        return words
    }

    /// `running 2 min`.
    static func of(_ guest: GuestItem, now: Int64) -> String {
        switch guest.state {
        case .running: "running \(Words.duration(now - guest.started))"
        case .starting: guest.phase == .up ? "running" : "starting"
        case .waiting:
            switch guest.waitsFor {
            case .space: "disk full: waits"
            case .disk: "waits for disk"
            case .blocks, nil: "waits for blocks"
            }
        case .paused: "paused"
        case .stopping: "shutting down"
        case .failed: "failed"
        case .silent: "does not answer"
        }
    }
}
