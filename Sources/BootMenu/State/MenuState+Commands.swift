import Boot
import Curses

/// Carries out commands.
extension MenuState {
    mutating func perform(_ command: Command) -> [MenuEffect] {
        switch command {
        case .up, .down, .pageUp, .pageDown, .first, .last: move(command)
        case .activate: return activate()
        case .enter: return enter()
        case .back: back()
        case .switchPane:
            if top.screen.kind == .systems { open(.guests) } else { backToTop() }
            return [.loadGuests]
        case .find: overlay = .find(TextField(label: "Find", text: top.filter))
        case .details: return details()
        case .hide: return hide()
        case .offline: if let image = chosenImage { askOffline(image) }
        case .pin: return pin()
        case .remove: askRemove()
        case .refresh: return refresh()
        case .cache:
            open(.cache)
            return [.loadCache]
        case .verify: return verify()
        case .addCatalog: overlay = .form(.catalog())
        case .settings: return askSettings()
        case .keep: return askBoot(keeps: true)
        case .bootWith: return askBoot(keeps: false)
        case .bootCold: return bootCold()
        case .makeWarm: return makeWarm()
        case .bisect: return openBisect()
        case .markGood: return mark(.good)
        case .markBad: return mark(.bad)
        case .markSkipped: return mark(.skip)
        case .resetBisect: askReset()
        case .snapshot: askChange(.snapshot)
        case .clone: askChange(.clone)
        case .rename: askChange(.rename)
        case .grow: askChange(.grow)
        case .export: askChange(.export)
        case .revert: askRevert()
        case .removeSnapshot: askRemoveSnapshot()
        case .log: open(.log)
        case .help: open(.help)
        case .stop where chosenSuspended != nil, .console where chosenSuspended != nil,
            .window where chosenSuspended != nil, .ports where chosenSuspended != nil,
            .clipboard where chosenSuspended != nil, .login where chosenSuspended != nil:
            if let guest = chosenSuspended { saySuspended(guest) }
        case .login: return chosenSession.map { [.login(session: $0.id, $0.image)] } ?? []
        case .console: return chosenGuest.map { reach($0, .console(session: $0.id)) } ?? []
        case .window: return openWindow()
        case .clipboard: return askClipboard()
        case .pause: return pause()
        case .ports: askPorts()
        case .suspendGuest: return suspendOrResume()
        case .stop: return chosenGuest.map { order($0, .stop, "asked to shut down") } ?? []
        case .force: askForce()
        case .redraw: return [.redraw]
        case .suspend:
            if facts.mayShowShell { return [.suspend] }
            say("Ctrl-Z is off: there is no shell to return to")
        case .quit, .quitAtOnce: return askQuit()
        }
        return []
    }

    /// Whether a hint line should offer the command now.
    package func isOffered(_ command: Command) -> Bool {
        switch command {
        case .suspend: facts.mayShowShell
        case .window where chosenSuspended != nil, .console where chosenSuspended != nil,
            .pause where chosenSuspended != nil, .stop where chosenSuspended != nil,
            .ports where chosenSuspended != nil:
            false
        case .suspendGuest: chosenGuest?.status.phase == .up
        case .window:
            facts.hasDisplay && chosenGuest?.status.phase == .up && chosenGuest?.status.screen != nil
        case .console: chosenGuest?.status.phase == .up || chosenGuest?.status.phase == .guest
        case .pause, .ports: chosenGuest?.status.phase == .up
        case .clipboard: chosenGuest?.status.screen == .spice
        case .stop, .force: chosenGuest != nil
        case .activate:
            top.screen.kind == .guests
                ? chosenGuest != nil
                : chosenImage != nil || chosenVendorSystem != nil || chosenGroup != nil || chosenHeading != nil
                    || chosenMachine != nil
        case .enter, .details: chosenImage != nil || chosenVendorSystem != nil || chosenMachine != nil
        case .offline, .pin, .keep, .bootWith: chosenImage != nil
        case .bootCold: chosenImage.flatMap { version($0) }?.isWarm ?? false
        case .makeWarm: chosenImage.map(canBeMadeWarm) ?? false
        case .settings, .bisect: chosenSystemName != nil
        case .markGood, .markBad, .markSkipped: chosenBisectRow != nil
        case .resetBisect: hasBisect
        case .snapshot, .clone, .rename, .grow, .export: chosenMachine != nil
        case .revert, .removeSnapshot: chosenSnapshot != nil
        case .hide: chosenGroup != nil
        // Who was not told at its first start who may log in knows no password of ours.
        case .login: chosenSession.map { $0.status.phase == .up && !$0.isSuspended && hasLogin($0.image) } ?? false
        case .remove: chosenImage != nil || chosenCatalog != nil || chosenMachine != nil
        default: true
        }
    }

    private mutating func move(_ command: Command) {
        let page = max(1, layout.listHeight - 1)
        switch command {
        case .up: scroll(-1)
        case .down: scroll(1)
        case .pageUp: scroll(-page)
        case .pageDown: scroll(page)
        case .first: scroll(-rowCount)
        default: scroll(rowCount)
        }
    }

    private mutating func back() {
        if stack.count > 1 {
            close()
        } else if !top.filter.isEmpty {
            top.filter = ""
            list(0)
        } else {
            _ = foldAround()
        }
    }

    private mutating func activate() -> [MenuEffect] {
        if top.screen.kind == .guests { return enter() }
        if let catalog = chosenCatalog {
            overlay = .dialog(
                Dialog("Catalog \(catalog.name)", "\(catalog.url)\n\(catalog.error)", [Dialog.cancel("Close")]))
            return []
        }
        if let heading = chosenHeading {
            fold(!heading.isUnfolded)
            return []
        }
        if let group = chosenGroup, group.isHidden { return hide() }
        if let refusal = refusal() { return refusal }
        if let machine = chosenMachine { return start(machine) }
        guard let image = chosenImage else { return awaitBuilds() }
        return bootUnlessRunning(image, usualWishes)
    }

    /// Boots a version; where a guest of it runs already, the user is asked which one he means.
    mutating func bootUnlessRunning(_ image: VersionKey, _ wishes: BootWishes) -> [MenuEffect] {
        if let running = running(image) {
            overlay = .dialog(
                Dialog(
                    "\(image.title) is already running", "Show the running guest, or boot a second one?",
                    [
                        .init(label: "Show it", action: .open(running)),
                        .init(label: "Boot another", action: .boot(image, wishes)), Dialog.cancel(),
                    ]))
            return []
        }
        return boot(image, wishes: wishes)
    }

    /// Says why the chosen system cannot boot, where no guest can have its processor here.
    mutating func refusal() -> [MenuEffect]? {
        let chosen = chosenVendorSystem ?? chosenImage.flatMap { system($0.system) }
        guard let system = chosen, !system.emulation.isBootable, let words = system.emulation.words else { return nil }
        let way = [.unknown, .notOffered].contains(system.emulation) ? "" : "\nInstall what it needs, and press r."
        overlay = .dialog(
            Dialog(
                "\(system.name.distribution) cannot boot here",
                "It is for \(system.distribution.architecture), which \(words).\(way)", [Dialog.cancel("Close")]))
        return []
    }

    /// The screen of a guest of this version; nil where none runs or starts.
    private func running(_ image: VersionKey) -> MenuScreen? {
        if let guest = guest(of: image) { return .guest(guest.id) }
        // Its session may not answer yet.
        return launches.values.first { $0.image == image && $0.isStarting }.map { .launch($0.number) }
    }

    /// - Parameter allowing: what the user was asked about, and allows.
    mutating func boot(
        _ image: VersionKey, allowing: UnverifiedBoot? = nil, wishes: BootWishes = BootWishes()
    ) -> [MenuEffect] {
        let number = nextNumber()
        launches[number] = Launch(number: number, image: image, wishes: wishes)
        hasChosen = true
        open(.launch(number))
        log.append(LogEntry(time: now, text: "booting \(image)", isFailure: false))
        return [.boot(image, launch: number, allowing: allowing, wishes)]
    }

    private mutating func enter() -> [MenuEffect] {
        switch top.screen {
        case .systems:
            if let heading = chosenHeading {
                if heading.isUnfolded { scroll(1) } else { fold(true) }
                return []
            }
            if let machine = chosenMachine {
                open(.machine(machine.name))
                return [.loadMachines]
            }
            if let system = chosenVendorSystem {
                open(.versions(system.name))
                return [.price(system.name)] + askVendor()
            }
            guard let image = chosenImage else { return [] }
            open(.versions(image.system))
            // Where the newest did not come up, the row is another's.
            if let versions = system(image.system)?.versions,
                let row = top.rows.firstIndex(where: { versions[$0].key == image })
            {
                select(row)
            }
            return [.price(image.system)]
        case .guests:
            guard let guest = chosenGuest else { return [] }
            if guest.isSuspended { return resume(guest) }
            open(.guest(guest.id))
            return [.loadGuests]
        default: break
        }
        return []
    }

    private mutating func details() -> [MenuEffect] {
        if let machine = chosenMachine {
            open(.machine(machine.name))
            return [.loadMachines]
        } else if let image = chosenImage {
            open(.details(image))
        } else if let name = chosenVendorSystem?.name {
            open(.details(VersionKey(catalog: name.catalog, distribution: name.distribution, version: "")))
            return askVendor()
        }
        return []
    }

    /// The guest that a key on this screen is about, or that runs the chosen version.
    var chosenSession: Guest? { chosenGuest ?? chosenImage.flatMap { guest(of: $0) } }

    private func hasLogin(_ image: VersionKey) -> Bool {
        guard let distribution = system(image.system)?.distribution else { return false }
        let settings = version(image).map { distribution.guest(of: $0.version) } ?? distribution.guest
        return settings.seed.map { $0 != .absent } ?? false
    }

    private mutating func pin() -> [MenuEffect] {
        guard let image = chosenImage else { return [] }
        let isPinned = version(image)?.isPinned ?? cache?.items.first { $0.image == image }?.version.isPinned ?? false
        return [.pin(image, !isPinned)]
    }

    private mutating func refresh() -> [MenuEffect] {
        switch top.screen.kind {
        case .cache: return [.loadCache]
        case .guests: return [.loadGuests]
        case .machine: return [.loadMachines]
        case .bisect: return chosenBisectRow.map { [.loadBisect($0.system)] } ?? []
        case .versions where chosenVendorSystem != nil: return askVendor(isAsked: true)
        default:
            isRefreshing = true
            return [.loadOffer(isAsked: true), .loadMachines] + askVendor(isAsked: true)
        }
    }

    private mutating func verify() -> [MenuEffect] {
        if verifying != nil {
            say("the cache is already being verified")
            return []
        }
        verifying = (0, 0)
        return [.verify]
    }
}
