import Boot
import Vendors

/// Vendors' systems: their groups in the list, and what is asked of their servers and when.
extension MenuState {
    /// With at most this many systems of vendors their groups begin unfolded.
    private static let mostUnfolded = 12
    /// Seconds until a vendor is asked again by itself, whatever it answered.
    private static let patience: Int64 = 3600

    /// Finds the groups of a new offer, which has the systems of each together. Those for other processors never begin unfolded.
    mutating func group() {
        groups = []
        for (place, system) in offer.systems.enumerated() where system.isVendors {
            // What a hidden vendor has for other processors comes back with it.
            if system.processorGroup != nil, offer.hiddenVendors.contains(system.vendor) { continue }
            if groups.last?.name == system.heading {
                groups[groups.count - 1].members.append(place)
            } else {
                groups.append(
                    VendorGroup(
                        name: system.heading, members: [place],
                        isHidden: offer.hiddenVendors.contains(system.heading),
                        emulation: system.processorGroup == nil ? .none : system.emulation))
            }
        }
        if !groups.isEmpty, !hasGroups {
            hasGroups = true
            if offer.systems.count(where: { $0.isVendors && $0.processorGroup == nil }) <= Self.mostUnfolded {
                unfolded = Set(groups.filter { $0.emulation == .none }.map(\.name))
            }
        }
    }

    /// The rows of the list of systems that show vendors' systems, while nothing is searched for: headings, and below each that is
    /// unfolded its systems. Hidden vendors are below a heading of their own, at the end.
    var vendorRows: [Int] {
        var rows: [Int] = []
        for (number, group) in groups.enumerated() where !group.isHidden {
            if group.hasHeading { rows.append(groupRow(number)) }
            if !group.hasHeading || unfolded.contains(group.name) { rows += group.members }
        }
        let hidden = groups.indices.filter { groups[$0].isHidden }
        guard !hidden.isEmpty else { return rows }
        rows.append(groupRow(groups.count))
        return showsHidden ? rows + hidden.map(groupRow) : rows
    }

    /// The number of a heading's row: after those of systems and of catalogs in trouble. The one after the last group's is the
    /// heading of what is hidden.
    private func groupRow(_ number: Int) -> Int { offer.systems.count + troubled.count + number }

    /// What a heading's row is.
    func heading(_ row: Int) -> SystemsRow? {
        let number = row - groupRow(0)
        if groups.indices.contains(number) {
            return .group(groups[number], isUnfolded: unfolded.contains(groups[number].name))
        }
        return number == groups.count
            ? .hidden(groups.count(where: \.isHidden), isUnfolded: showsHidden) : nil
    }

    /// The system of a vendor that is chosen, or that the screen is about.
    var chosenVendorSystem: SystemSummary? {
        let system: SystemSummary? =
            switch top.screen {
            case .systems:
                if case .system(let system)? = systemsRow(top.position.selected, of: top) { system } else { nil }
            case .versions(let name): self.system(name)
            case .details(let image): self.system(image.system)
            default: nil
            }
        return system?.isVendors == true ? system : nil
    }

    /// The vendor that a key on the list of systems is about.
    var chosenGroup: VendorGroup? {
        guard case .systems = top.screen else { return nil }
        switch systemsRow(top.position.selected, of: top) {
        case .group(let group, _): return group
        case .system(let system) where system.isVendors: return groups.first { $0.name == system.heading }
        default: return nil
        }
    }

    /// Whether a vendor's system stands below a heading.
    func hasHeading(_ system: SystemSummary) -> Bool {
        groups.first { $0.name == system.heading }?.hasHeading ?? false
    }

    /// Whether the user has hidden its vendor, or all that is for its processor.
    func isHidden(_ system: SystemSummary) -> Bool {
        offer.hiddenVendors.contains(system.vendor) || offer.hiddenVendors.contains(system.heading)
    }

    // MARK: Asking

    /// A vendor's row that has been chosen for a moment counts as looked at. Called after every event.
    mutating func look() -> [MenuEffect] {
        guard hasChosen, top.screen == .systems, let system = chosenVendorSystem, mayAsk(system) else {
            if looked != nil { looked = nil }
            return []
        }
        if looked?.name == system.name { return [] }
        let number = nextNumber()
        looked = (system.name, number)
        return [.look(number)]
    }

    /// Whether nobody has asked for the system's builds lately.
    private func mayAsk(_ system: SystemSummary) -> Bool {
        guard !asking.contains(system.name), !isHidden(system), system.emulation.isBootable else { return false }
        // One that has just failed would fail again.
        if let time = answered[system.name], (0..<Self.patience).contains(now - time) { return false }
        return system.listing?.isDue(now: Int(now)) ?? true
    }

    /// Asks for the builds of the system that is chosen, or that the screen is about, unless they are known.
    /// - Parameter isAsked: the user asked for updates.
    mutating func askVendor(isAsked: Bool = false) -> [MenuEffect] {
        guard let system = chosenVendorSystem, isAsked ? !asking.contains(system.name) : mayAsk(system) else {
            return []
        }
        asking.insert(system.name)
        return [.askVendor(system.name, isAsked: isAsked)]
    }

    mutating func takeLook(_ number: Int) -> [MenuEffect] { looked?.number == number ? askVendor() : [] }

    mutating func take(_ failure: VendorFailure?, of name: SystemName) -> [MenuEffect] {
        asking.remove(name)
        answered[name] = now
        refusals[name] = failure
        if let failure {
            if awaited == name {
                awaited = nil
                say("\(name.distribution) cannot be booted: \(failure.reason)", isFailure: true)
            } else if !failure.isPassing {
                log.append(LogEntry(time: now, text: "\(name.distribution): \(failure.reason)", isFailure: true))
            }
        }
        return [.loadOffer(isAsked: false)]
    }

    /// Boots the newest build of the chosen system as soon as it is known.
    mutating func awaitBuilds() -> [MenuEffect] {
        guard let system = chosenVendorSystem, system.newest == nil else { return [] }
        awaited = system.name
        let effects = askVendor(isAsked: !asking.contains(system.name))
        say("asking \(system.vendor) for the builds of \(system.distribution.id); it boots as soon as they are known")
        return effects
    }

    /// Boots what the user has been waiting for.
    mutating func bootAwaited() -> [MenuEffect] {
        guard let name = awaited, !asking.contains(name), let system = system(name) else { return [] }
        if let newest = system.newest {
            awaited = nil
            message = nil
            return boot(newest.key)
        }
        guard offer.isPriced else { return [] }
        awaited = nil
        say("\(system.vendor) offers no build of \(name.distribution) now", isFailure: true)
        return []
    }

    // MARK: Verification

    /// The boot of what cannot be verified first waits for the user's word.
    mutating func ask(_ number: Int, _ boot: UnverifiedBoot) {
        let wishes = withdraw(number)
        notices.append(
            Dialog(
                "\(boot.distribution) is not verified",
                "\(boot.fact.prefix(1).uppercased())\(boot.fact.dropFirst()). Whoever controls that server, or has broken into it, "
                    + "decides what runs in the guest. Boot it all the same? You are asked once for this system.",
                [Dialog.cancel(), .init(label: "Boot it", action: .allow(boot, wishes))]))
    }

    /// The boot waits for the user's word on what a catalog's table changes.
    mutating func ask(_ number: Int, _ change: TableChange) {
        guard let image = launches[number]?.image else { return }
        let wishes = withdraw(number)
        notices.append(
            Dialog(
                "A catalog changes \(change.name)",
                "\(change.text.prefix(1).uppercased())\(change.text.dropFirst()). You are asked once for this change.",
                [
                    Dialog.cancel(),
                    .init(label: "Boot as before", action: .answer(change, isAllowed: false, image, wishes)),
                    .init(label: "Allow and boot", action: .answer(change, isAllowed: true, image, wishes)),
                ]))
    }

    /// Says why a guest was stopped.
    mutating func explain(_ image: VersionKey, _ end: GuestEnd) {
        if end.isRolledBack {
            say(end.reason, isFailure: true)
            notices.append(Dialog("\(image.title) did not come up", end.reason, [Dialog.cancel("Close")]))
            return
        }
        say("\(image.title) ended: \(end.reason)", isFailure: true)
        guard end.isWrongImage else { return }
        notices.append(
            Dialog("\(image.title) is not the vendor's file", end.reason, [Dialog.cancel("Close")]))
    }

    /// Says how to log in.
    mutating func tell(_ login: GuestLogin?, of image: VersionKey) {
        guard let login else { return say("\(image.title) has no login of this session's") }
        let password =
            login.password.map { "Password: \($0)\nThe password is for the console only and ends with the guest." }
            ?? "It has no password: 'oscircular ssh' logs in with the session's key."
        notices.append(
            Dialog("Log in to \(image.title)", "User: \(login.user)\n\(password)", [Dialog.cancel("Close")]))
    }
}
