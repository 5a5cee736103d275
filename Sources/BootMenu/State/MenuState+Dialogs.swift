import Boot

/// Dialogs and forms: asking, and what the answers do.
extension MenuState {
    mutating func answer(_ dialog: Dialog) -> [MenuEffect] {
        overlay = nil
        switch dialog.buttons[dialog.selected].action {
        case .close: return []
        case .quit:
            isQuitting = true
            return [.quit]
        case .force(let session):
            say("session \(session): powered off")
            return [.order(.force, session: session)]
        case .forgetSuspended(let session):
            say("session \(session): thrown away")
            return [.forgetSuspended(session: session)]
        case .boot(let image, let wishes): return boot(image, wishes: wishes)
        case .allow(let allowed, let wishes):
            let image = VersionKey(
                catalog: allowed.catalog, distribution: allowed.distribution, version: allowed.version)
            return boot(image, allowing: allowed, wishes: wishes)
        case .answer(let change, let isAllowed, let image, let wishes):
            return [.answer(change, isAllowed: isAllowed)] + boot(image, wishes: wishes)
        case .open(let screen):
            open(screen)
            return [.loadGuests]
        case .fetch(let image, let extent): return fetch(image, extent)
        case .makeWarm(let image): return prepare(image)
        case .stopFetch(let number): return [.stopFetch(number)]
        case .remove(let image): return [.remove(image)]
        case .removeCatalog(let name): return [.removeCatalog(name)]
        case .change(let machine, let wanted): return change(machine, wanted)
        case .resetBisect(let name): return [.resetBisect(name)]
        case .share(let overview, let clipboard): return share(overview, clipboard)
        case .trust(let request):
            say("fetching the catalog of \(request.url)")
            return [.addCatalog(request)]
        }
    }

    mutating func askQuit() -> [MenuEffect] {
        let running = fetches.count { $0.state == .running && $0.warming == nil }
        let preparing = fetches.count { $0.state == .running && $0.warming != nil }
        var lines: [String] = []
        let guests = guests.count { !$0.isSuspended }
        if guests > 0 {
            lines.append(
                "\(Format.several(guests, "guest keeps", "guests keep")) running without the menu; it finds them again."
            )
        }
        if running > 0 {
            lines.append(
                "\(Format.several(running, "download stops", "downloads stop")); what has been downloaded is kept.")
        }
        if preparing > 0 {
            lines.append("\(Format.several(preparing, "version", "versions")) will not be prepared for a warm start.")
        }
        guard !lines.isEmpty else {
            isQuitting = true
            return [.quit]
        }
        overlay = .dialog(
            Dialog(
                "Leave the menu?", lines.joined(separator: "\n"),
                [.init(label: "Leave", action: .quit), Dialog.cancel("Stay")]))
        return []
    }

    mutating func askForce() {
        guard let guest = chosenGuest else { return }
        if guest.isSuspended { return askForgetSuspended(guest) }
        overlay = .dialog(
            Dialog(
                "Power off \(guest.image.title)?",
                "The guest gets no chance to shut down. All that it wrote in this run is lost.",
                [Dialog.cancel(), .init(label: "Power off", action: .force(guest.id))]))
    }

    mutating func askOffline(_ image: VersionKey) {
        if let fetch = fetches.first(where: { $0.image == image && $0.state == .running }) {
            let isFetching = [nil, .fetching].contains(fetch.warming)
            overlay = .dialog(
                Dialog(
                    "\(image.title) is being \(isFetching ? "fetched" : "prepared")",
                    isFetching
                        ? "\(Format.bytes(fetch.done)) of \(Format.bytes(fetch.total)) have been fetched."
                        : "A guest that nobody uses is booted and saved, so that the next ones start in a second.",
                    [Dialog.cancel("Continue"), .init(label: "Stop", action: .stopFetch(fetch.number))]))
            return
        }
        let version = version(image)
        var buttons: [Dialog.Button] = []
        var lines: [String] = []
        if version?.offline == .whole {
            lines = ["All of it is cached: it runs offline."]
        } else {
            if version?.offline == .boots {
                lines.append("It boots offline; later it may still need the network.")
            } else if let version, let toBoot = version.toBoot, !version.isBootSetDerived {
                buttons.append(.init(label: "Boot set", action: .fetch(image, .bootSet)))
                lines.append("The boot set (\(Format.bytes(toBoot))) lets it boot offline.")
            }
            buttons.append(.init(label: "Whole image", action: .fetch(image, .whole)))
            if let version, version.content != nil || version.whole != nil {
                lines.append("The whole image (up to \(Format.bytes(version.missing)) more) lets it run offline.")
            }
        }
        buttons.append(Dialog.cancel(buttons.isEmpty ? "Close" : "Cancel"))
        overlay = .dialog(Dialog("Offline use of \(image.title)", lines.joined(separator: "\n"), buttons))
    }

    private mutating func fetch(_ image: VersionKey, _ extent: VersionFetch.Extent) -> [MenuEffect] {
        let number = nextNumber()
        fetches.append(FetchItem(number: number, image: image, extent: extent))
        say("fetching the \(extent.title) of \(image.title)")
        return [.fetch(image, extent, number: number)]
    }

    mutating func askRemove() {
        if let catalog = chosenCatalog {
            overlay = .dialog(
                Dialog(
                    "Stop following \(catalog.name)?", "\(catalog.url)\nIts blocks stay in the cache.",
                    [Dialog.cancel(), .init(label: "Stop following", action: .removeCatalog(catalog.name))]))
            return
        }
        if let machine = chosenMachine { return askForget(machine) }
        guard let image = chosenImage else { return }
        let item = cache?.items.first { $0.image == image }
        let amount = (item?.own).map { " (\(Format.bytes($0)))" } ?? ""
        overlay = .dialog(
            Dialog(
                "Remove \(image.title) from the cache?",
                "The blocks\(amount) that no other version needs are removed. They can be fetched again.",
                [Dialog.cancel(), .init(label: "Remove", action: .remove(image))]))
    }
}
