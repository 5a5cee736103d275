import Boot
import Catalog
import Curses

/// The status of a row: how much a boot would have to download, or how the guest is that runs already.
enum StatusText {
    /// For a version.
    /// - Parameter hint: about how many bytes such a version has.
    static func of(
        _ version: VersionSummary, _ state: MenuState, hint: UInt64? = nil
    ) -> (text: String, style: ScreenStyle) {
        if let guest = state.guest(of: version.key) { return (of(guest, now: state.now), [.accent, .bold]) }
        if let fetch = state.fetches.first(where: { $0.image == version.key && $0.state == .running }) {
            return (fetch.text, [.accent])
        }
        // More than that it is here.
        if version.isWarm { return ("starts in a second", []) }
        switch version.offline {
        case .whole: return ("fully cached", [])
        case .boots: return ("boots offline", [])
        case .no: break
        }
        if version.isWholeFirst {
            let size = version.downloadFirst.map { Format.bytes($0) } ?? hint.map { "about \(Format.bytes($0))" }
            return ("\(size.map { "\($0) " } ?? "")download first", [])
        }
        if let toBoot = version.toBoot {
            let bytes = Format.bytes(toBoot)
            return (version.isBootSetDerived ? "about \(bytes)" : "\(bytes) to boot", [])
        }
        guard version.content != nil || version.whole != nil else {
            return hint.map { ("about \(Format.bytes($0))", []) } ?? ("size not known", [.dim])
        }
        return ("\(Format.bytes(version.missing)) at most", [])
    }

    /// For a system: a running guest of any version comes first.
    static func of(_ system: SystemSummary, _ state: MenuState) -> (text: String, style: ScreenStyle) {
        if let guest = state.guests.first(where: { $0.image.system == system.name && !$0.isSuspended }) {
            return (of(guest, now: state.now), [.accent, .bold])
        }
        switch system.emulation {
        case .missing(let packages): return ("needs \(packages.first ?? "")", [.dim])
        case .notOffered, .unknown: return ("cannot boot here", [.dim])
        case .none, .possible: break
        }
        let (text, style) = cost(of: system, state)
        // Ahead of what it costs: the column may be narrow.
        return system.emulation == .possible ? (text.isEmpty ? "slow" : "slow, \(text)", style) : (text, style)
    }

    private static func cost(of system: SystemSummary, _ state: MenuState) -> (text: String, style: ScreenStyle) {
        if state.asking.contains(system.name) { return ("asking \(system.vendor)", [.accent]) }
        if let failure = state.refusals[system.name] {
            if !failure.isPassing { return ("list cannot be read", [.alert]) }
            // What it said before is as good as it was.
            if system.newest == nil { return ("does not answer", [.dim]) }
        }
        guard let newest = system.newest else {
            if system.isVendors, system.listing?.asked == nil { return ("", []) }
            return (system.isVendors ? "no build now" : "no version yet", [.dim])
        }
        if newest.fault != nil { return ("not the vendor's file", [.alert]) }
        if newest.isGone, newest.offline == .no { return ("not offered now", [.dim]) }
        let text = of(newest, state, hint: system.listing?.sizeHint)
        if let catalog = state.catalog(system.name.catalog), catalog.isTrouble, newest.offline == .no {
            return ("catalog \(catalog.state.rawValue)", [.dim])
        }
        return text
    }

    /// `downloading, 57 %`.
    private static func of(_ download: SessionStatus.Download?) -> String {
        guard let download else { return "" }
        if download.stage == .wait { return "another session unpacks it" }
        let share = download.total == 0 ? 0 : download.done * 100 / download.total
        return "\(download.stage == .unpack ? "unpacking" : "downloading"), \(share) %"
    }

    /// For a machine: how its guest is, what is done to it, or what its user should know.
    static func of(_ machine: MachineItem, _ state: MenuState) -> (text: String, style: ScreenStyle) {
        if let change = state.changing[machine.name] { return (change.word, [.accent]) }
        if let guest = state.guest(ofMachine: machine.name) { return (of(guest, now: state.now), [.accent, .bold]) }
        if state.launch(ofMachine: machine.name) != nil { return ("starting", [.accent]) }
        if machine.problem != nil { return ("cannot be used", [.alert]) }
        // By a session that has not answered yet, or by another program.
        if machine.isInUse { return ("in use", [.accent]) }
        return ("off", [])
    }

    /// `running 2 min`.
    static func of(_ guest: Guest, now: Int64) -> String {
        if guest.isSilent { return "does not answer" }
        let status = guest.status
        return switch status.state {
        case .running where status.network?.kind == .unplugged: "no network"
        case .running where status.network?.kind == .exposed: "network exposed"
        // A time that cannot be read would be fifty years ago.
        case .running: "running \(Format.duration(now - (Timestamp(status.started)?.seconds ?? now)))"
        case .starting where status.download != nil: of(status.download)
        case .starting: status.phase == .up ? "running" : "starting"
        case .waiting:
            switch status.waitingFor {
            case .space: "waiting: space"
            case .disk: "waiting: disk"
            case .blocks, nil: "waiting: blocks"
            }
        case .paused: "paused"
        case .stopping: "shutting down"
        case .suspending: "being suspended"
        case .suspended: status.suspended?.memory == 0 ? "memory lost" : "suspended"
        }
    }
}
