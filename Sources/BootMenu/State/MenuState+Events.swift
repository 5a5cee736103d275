import Boot

/// Events from outside: what is new about catalogs, guests, downloads and the cache.
extension MenuState {
    mutating func handleEvent(_ event: MenuEvent) -> [MenuEffect] {
        switch event {
        case .offer(let offer):
            take(offer)
            return bootAwaited()
        case .guests(let guests): return take(guests)
        case .picture(let session, let cells): picture = (session, cells)
        case .pictures(let form): pictures = form
        case .screen(let new): screen = new
        case .launched(let number, let session): launches[number]?.session = session
        case .launchStatus(let number, let status):
            // One that was asked for before the start's end may arrive after it.
            if launches[number]?.isStarting == true { launches[number]?.lastStatus = status }
        case .launchUp(let number, let status, let opening): return rise(number, status, opening)
        case .launchFailed(let number, let reason, let status): fail(number, reason, status)
        case .launchAsks(let number, let boot): ask(number, boot)
        case .launchAsksOfTable(let number, let change): ask(number, change)
        case .launchAsksHome(let number, let question): ask(number, question)
        case .launchAsksShare(let number, let question): ask(number, question)
        case .launchAsksWithoutShare(let number, let loss): ask(number, loss)
        case .launchAsksCold(let number, let misfit): askCold(number, misfit)
        case .launchAsksKeep(let number, let boot): askKeep(number, boot)
        case .launchAsksPorts(let number, let boot): askPublish(number, boot)
        case .looked(let number): return takeLook(number)
        case .vendorAnswered(let name, let failure): return take(failure, of: name)
        case .explained(let image, let end): explain(image, end)
        case .login(let image, let login): tell(login, of: image)
        case .machines(let machines): take(machines)
        case .bisect(let name, let item): take(item, of: name)
        case .machineChanged(let name, let change, let failure): return end(change, of: name, failure)
        case .settings(let overview, let form): show(overview, form)
        case .settingsSaved(let name, let failure): return endSave(of: name, failure)
        case .fetched(let number, let done, let total, let rate):
            guard let index = fetches.firstIndex(where: { $0.number == number }) else { break }
            (fetches[index].done, fetches[index].total, fetches[index].rate) = (done, total, rate)
        case .fetchEnded(let number, let end): return endFetch(number, end)
        case .warming(let number, let stage):
            guard let index = fetches.firstIndex(where: { $0.number == number }) else { break }
            fetches[index].warming = stage
        case .cache(let overview):
            cache = overview
            settle()
        case .verified(let done, let total): verifying = (done, total)
        case .verifyEnded(let result):
            verifying = nil
            say(result)
            return [.loadCache]
        case .catalogAdded, .catalogRefused, .catalogAsks: return takeCatalog(event)
        case .done(let text): say(text)
        case .failed(let text): say(text, isFailure: true)
        default: break
        }
        return []
    }

    private mutating func take(_ new: MenuOffer) {
        let chosen = stack.indices.map { chosenIdentity($0) }
        offer = new
        hasOffer = true
        isRefreshing = isRefreshing && !new.isPriced
        systemIndex = Dictionary(
            new.systems.indices.map { (new.systems[$0].name, $0) }, uniquingKeysWith: { first, _ in first })
        searchTexts = new.systems.map(\.searchText)
        var seen = Set<String>()
        ambiguous = Set(new.systems.map(\.name.distribution).filter { !seen.insert($0).inserted })
        troubled = new.catalogs.indices.filter { new.catalogs[$0].isTrouble }
        group()
        for level in stack.indices { list(level, choosing: chosen[level]) }
        if !hasChosen, let name = new.lastUsed { list(0, choosing: "\(name.catalog)/\(name.distribution)") }
        settle()
    }

    private mutating func take(_ all: [Guest]) -> [MenuEffect] {
        let chosen = chosenGuest?.id
        // A session whose start failed may take a moment to clean up; there is no guest in it.
        let failed = Set(launches.values.filter { $0.failure != nil }.compactMap(\.session))
        let new = all.filter { !failed.contains($0.id) || $0.isSuspended }
        sayNotSuspended(new)
        let ended = guests.filter { old in !new.contains { $0.id == old.id } }
        guests = new
        var effects: [MenuEffect] = []
        for guest in ended {
            // A failed launch has a message of its own.
            guard guest.status.phase == .up || guest.status.state == .stopping else { continue }
            say("\(guest.title) has ended")
            if effects.isEmpty { effects = [.loadOffer(isAsked: false)] }
            if guest.status.machine != nil, !effects.contains(.loadMachines) { effects.append(.loadMachines) }
            effects.append(.explainEnd(session: guest.id, guest.image))
            leave(guest.id)
        }
        if case .guests = top.screen, let chosen, let row = guests.firstIndex(where: { $0.id == chosen }) {
            select(row)
        }
        settle()
        return effects
    }

    /// A guest is among the others from the moment that it runs: a survey of all sessions, which waits for the slowest, may
    /// take seconds to find it, or find that it has ended already.
    private mutating func rise(
        _ number: Int, _ status: SessionStatus?, _ opening: MachineFacts.Opening?
    ) -> [MenuEffect] {
        launches[number]?.isUp = true
        launches[number]?.lastStatus = nil
        var effects: [MenuEffect] = []
        if let status {
            if let lowered = status.lowered { say(lowered) }
            let all = guests.filter { $0.id != status.id } + [Guest(status)]
            effects = take(all.sorted { ($0.status.started, $0.id) < ($1.status.started, $1.id) })
        }
        return effects + [.loadGuests, .loadOffer(isAsked: false)] + news(number)
            + self.opening(number, opening)
    }

    /// A machine that has just been made is not in the list yet.
    private func news(_ number: Int) -> [MenuEffect] {
        launches[number]?.wishes.machine == nil ? [] : [.loadMachines]
    }

    /// What is opened without being asked for, now that a guest runs; nothing if the user has moved on to something else.
    private func opening(_ number: Int, _ ofSystem: MachineFacts.Opening?) -> [MenuEffect] {
        guard top.screen == .launch(number), overlay == nil, let session = launches[number]?.session else {
            return []
        }
        // What was asked for when the menu was started comes before what is set.
        return switch facts.isOpeningAsked ? facts.opening : ofSystem ?? facts.opening {
        case .nothing: []
        case .window: [.window(session: session)]
        case .console: [.console(session: session)]
        }
    }

    /// Closes the screens of a guest that has ended.
    private mutating func leave(_ id: String) {
        let gone = stack.indices.filter { level in
            switch stack[level].screen {
            case .guest(let session): session == id
            case .launch(let number): launches[number]?.session == id
            default: false
            }
        }
        for level in gone.reversed() { stack.remove(at: level) }
    }

    private mutating func fail(_ number: Int, _ reason: String, _ status: SessionStatus?) {
        guard let launch = launches[number] else { return }
        launches[number]?.failure = reason
        launches[number]?.lastStatus = status ?? launch.lastStatus ?? guests.first { $0.id == launch.session }?.status
        guests.removeAll { $0.id == launch.session && !$0.isSuspended }
        say("\(launch.title) did not boot: \(reason)", isFailure: true)
        settle()
    }

    private mutating func endFetch(_ number: Int, _ end: FetchItem.State) -> [MenuEffect] {
        guard let index = fetches.firstIndex(where: { $0.number == number }) else { return [] }
        fetches[index].state = end
        let fetch = fetches[index]
        switch end {
        case .failed(let reason) where fetch.warming != nil:
            say("\(fetch.image.title) could not be prepared: \(reason)", isFailure: true)
        case .stopped where fetch.warming != nil: say("stopped preparing \(fetch.image.title); it boots as before")
        case .done where fetch.warming != nil: say("\(fetch.image.title) starts in a second from now on")
        case .failed(let reason):
            say("the \(fetch.extent.title) of \(fetch.image.title) could not be fetched: \(reason)", isFailure: true)
        case .stopped: say("stopped fetching \(fetch.image.title); what has been fetched is kept")
        case .done, .running: say("the \(fetch.extent.title) of \(fetch.image.title) is cached")
        }
        fetches.removeAll { $0.number == number }
        return top.screen == .cache ? [.loadOffer(isAsked: false), .loadCache] : [.loadOffer(isAsked: false)]
    }

    private mutating func takeCatalog(_ event: MenuEvent) -> [MenuEffect] {
        switch event {
        case .catalogAdded(let name):
            if case .form = overlay { overlay = nil }
            say("now following catalog \(name)")
            return [.loadOffer(isAsked: false)]
        case .catalogRefused(let reason):
            if case .form(var form) = overlay {
                form.isBusy = false
                form.error = reason
                overlay = .form(form)
            }
            say(reason, isFailure: true)
        case .catalogAsks(let request, let isPrivate):
            let advice =
                isPrivate
                ? "This is the fingerprint of its key. Compare it with the one that the publisher of \(request.url) gives."
                : "Over http, anybody on the network may have changed this fingerprint. Compare every digit with the one that the "
                    + "publisher of \(request.url) gives."
            // The fingerprint first: a small screen cuts the end.
            overlay = .dialog(
                Dialog(
                    "Trust this publisher?", "\(request.fingerprint)\n\(advice)",
                    [Dialog.cancel(), .init(label: "Trust", action: .trust(request))]))
        default: break
        }
        return []
    }
}
