import Boot
import Catalog
import Curses

/// What is known about the chosen system: for the right pane, the strip and the details.
enum AboutLines {
    /// The chosen row's name.
    static func title(_ state: MenuState, _ glyphs: Glyphs) -> String {
        switch state.systemsRow(state.top.position.selected, of: state.top) {
        case .system(let system): glyphs.clip(system.distribution.title, to: 60).text
        case .catalog(let catalog): "Catalog \(catalog.name)"
        case .group(let group, _): glyphs.clip(group.name, to: 60).text
        case .hidden: "Hidden vendors"
        case .machines: "Kept machines"
        case .machine(let machine): machine.name
        case nil: ""
        }
    }

    static func pane(_ state: MenuState, width: Int, height: Int, glyphs: Glyphs) -> [AboutLine] {
        switch state.systemsRow(state.top.position.selected, of: state.top) {
        case .catalog(let catalog): return trouble(catalog, width: width, glyphs: glyphs)
        case .group(let group, _): return about(group, state, width: width, height: height, glyphs: glyphs)
        case .hidden: return glyphs.wrap(hiddenText, width, limit: height).map { AboutLine($0) }
        case .machines: return MachineView.about(width: width, limit: height, glyphs: glyphs)
        case .machine(let machine): return MachineView.facts(state, machine.name, width: width, glyphs: glyphs)
        case nil: return []
        case .system(let system):
            var lines = glyphs.wrap(system.distribution.summary, width, limit: 3).map { AboutLine($0) }
            if !lines.isEmpty { lines.append(.empty) }
            lines += listing(of: system, state, width: width, limit: 6, glyphs: glyphs)
            guard let newest = system.newest else {
                return lines
                    + unknown(system, state).flatMap {
                        $0.fact == .processor ? wrapped([$0], width: width, limit: 2, glyphs: glyphs) : [$0]
                    }
            }
            lines += wrapped(facts(newest, system, state), width: width, limit: 5, glyphs: glyphs)
            if height >= lines.count + 4 {
                lines.append(.empty)
                lines += bar(newest, width: width, glyphs: glyphs)
            }
            let notes = glyphs.wrap(newest.version.notes, width, limit: max(0, height - lines.count - 1))
            if !newest.version.notes.isEmpty && !notes.isEmpty {
                lines.append(.empty)
                lines += notes.map { AboutLine($0) }
            }
            return lines
        }
    }

    /// Lines with long values continued below them.
    static func wrapped(_ lines: [AboutLine], width: Int, limit: Int, glyphs: Glyphs) -> [AboutLine] {
        lines.flatMap { line -> [AboutLine] in
            guard !line.label.isEmpty else { return [line] }
            return glyphs.wrap(line.text, max(1, width - 11), limit: limit).enumerated().map {
                AboutLine($0.offset == 0 ? line.label : " ", $0.element)
            }
        }
    }

    static func strip(_ state: MenuState, width: Int, glyphs: Glyphs) -> [AboutLine] {
        switch state.systemsRow(state.top.position.selected, of: state.top) {
        case .catalog(let catalog): return trouble(catalog, width: width, glyphs: glyphs)
        case .group(let group, _): return about(group, state, width: width, height: 4, glyphs: glyphs)
        case .hidden: return glyphs.wrap(hiddenText, width, limit: 4).map { AboutLine($0) }
        case .machines: return MachineView.about(width: width, limit: 4, glyphs: glyphs)
        case .machine(let machine): return MachineView.facts(state, machine.name, width: width, glyphs: glyphs)
        case nil: return []
        case .system(let system):
            let text = system.distribution.summary
            // Catalogs' facts stay in their rows though nothing is said; vendors' systems often have nothing to say.
            let summary =
                text.isEmpty && system.isVendors ? [] : [AboutLine(glyphs.wrap(text, width, limit: 1).first ?? "")]
            let listing = listing(of: system, state, width: width, limit: 2, glyphs: glyphs)
            guard let newest = system.newest else { return summary + listing + unknown(system, state) }
            if !listing.isEmpty { return summary + listing }
            let all = facts(newest, system, state)
            // With the summary the four lines that matter most; i shows the rest.
            let order: [AboutLine.Fact] = [
                .processor, .start, .trust, .toBoot, .new, .signed, .login, .judged, .support, .version,
            ]
            let wanted = order.compactMap { fact in all.first { $0.fact == fact } }.prefix(3)
            return summary + wanted
        }
    }

    private static let hiddenText =
        "Vendors that you have hidden. Their servers are not asked. Enter or H on one of them shows it again."

    /// What a vendor's heading stands for.
    private static func about(
        _ group: VendorGroup, _ state: MenuState, width: Int, height: Int, glyphs: Glyphs
    ) -> [AboutLine] {
        let systems = group.members.prefix(200).map { state.offer.systems[$0] }
        let introduction =
            group.emulation.words.map { "Images for another processor than this machine's: each \($0)." }
            ?? "Images on their makers' own servers, streamed while they run."
        var lines = glyphs.wrap(introduction, width, limit: 2).map { AboutLine($0) }
        if group.isHidden { lines = glyphs.wrap(hiddenText, width, limit: 2).map { AboutLine($0) } }
        guard height > 4 else {
            // Its row has their ids.
            let names = systems.map(\.distribution.title).joined(separator: ", ")
            return lines + glyphs.wrap(names, width, limit: max(0, height - lines.count)).map { AboutLine($0) }
        }
        lines.append(.empty)
        let room = max(0, height - lines.count)
        return lines + systems.prefix(room).map { AboutLine(glyphs.clip($0.distribution.title, to: width).text) }
    }

    /// Why a vendor's builds are not known, or not as they are now.
    static func listing(
        of system: SystemSummary, _ state: MenuState, width: Int, limit: Int, glyphs: Glyphs
    ) -> [AboutLine] {
        guard let failure = state.refusals[system.name] else { return [] }
        let style: ScreenStyle = failure.isPassing ? [.dim] : [.alert]
        return glyphs.wrap(failure.reason, width, limit: limit).map { AboutLine($0, style: style) }
    }

    /// What is said of a system of which no version is known.
    static func unknown(_ system: SystemSummary, _ state: MenuState) -> [AboutLine] {
        guard system.isVendors else { return [AboutLine("No version yet.")] + processor(system) }
        var lines = processor(system)
        if !system.emulation.isBootable {
            // Nobody asks for what cannot boot.
        } else if state.asking.contains(system.name) {
            lines.append(AboutLine("Asking \(system.vendor) for its builds."))
        } else if state.refusals[system.name] == nil {
            lines.append(
                AboutLine(
                    system.listing?.asked == nil
                        ? "\(system.vendor) is asked for its builds when this row is looked at."
                        : "\(system.vendor) offers no build of it now."))
        }
        if let login = system.distribution.guest.login { lines.append(AboutLine(.login, login)) }
        return lines + kept(system)
    }

    /// The processor, where it is not this machine's own.
    private static func processor(_ system: SystemSummary) -> [AboutLine] {
        system.emulation.words.map { [AboutLine(.processor, "\(system.distribution.architecture), \($0)")] } ?? []
    }

    /// That it did not come up here, that a newer one did not, or that it starts warm.
    private static func start(_ version: VersionSummary, _ system: SystemSummary) -> [AboutLine] {
        if let fault = version.unhealthy {
            return [AboutLine(.start, "\(fault.shortWords) here on \(fault.day); Enter tries it again")]
        }
        if version.id == system.newest?.id, let newer = system.passedOver, let fault = newer.unhealthy {
            return [AboutLine(.start, "\(newer.id) \(fault.shortWords) on \(fault.day): passed over")]
        }
        if version.isWarm { return [AboutLine(.start, "in a second, from a guest made ahead; c boots it cold")] }
        return []
    }

    /// How long the vendor has a build.
    private static func kept(_ system: SystemSummary) -> [AboutLine] {
        let builds = system.listing?.keptBuilds.map { Format.several($0, "build") }
        let days = system.listing?.keptDays.map { "for \(Format.several($0, "day"))" }
        let parts = [builds ?? (days == nil ? nil : "each build"), days].compactMap { $0 }
        return parts.isEmpty ? [] : [AboutLine(.kept, parts.joined(separator: ", "))]
    }

    private static func trouble(_ catalog: CatalogItem, width: Int, glyphs: Glyphs) -> [AboutLine] {
        [AboutLine("address", catalog.url), AboutLine("state", catalog.state.rawValue)]
            + glyphs.wrap(catalog.error, width, limit: 6).map { AboutLine($0) }
    }

    /// All that is known about a version, one line each.
    static func facts(_ version: VersionSummary, _ system: SystemSummary, _ state: MenuState) -> [AboutLine] {
        var lines: [AboutLine] = []
        let place = system.versions.firstIndex { $0.id == version.id } ?? 0
        let rank =
            place == 0
            ? "newest of \(Format.count(system.versions.count))"
            : "\(Format.several(place, "version")) older than the newest (\(Format.count(system.versions.count)) in all)"
        let build = version.build.map { " (\($0))" } ?? ""
        lines.append(AboutLine(.version, "\(version.id)\(build), \(rank)"))
        lines += processor(system)
        lines += start(version, system)
        if let trust = TrustText.fact(version, state) { lines.append(AboutLine(.trust, trust)) }
        let size = Format.bytes(version.whole ?? version.content ?? 0)
        switch version.offline {
        case .whole: lines.append(AboutLine(.toBoot, "nothing: fully cached (\(size))"))
        case .boots: lines.append(AboutLine(.toBoot, "nothing: the boot set is cached (\(size) in all)"))
        case .no where version.isWholeFirst:
            let first = version.downloadFirst ?? system.listing?.sizeHint
            lines.append(
                AboutLine(
                    .toBoot,
                    "\(first.map { "\(Format.bytes($0)) " } ?? "")to download first: it starts when all of it is here"))
        case .no:
            let text =
                version.toBoot.map { bytes in
                    "\(version.isBootSetDerived ? "about " : "")\(Format.bytes(bytes)) of \(size)"
                }
                ?? (version.whole == nil
                    ? system.listing?.sizeHint.map { "streams as it is read, about \(Format.bytes($0)) at most" }
                        ?? "streams as it is read; its size is known once it has booted"
                    : "no boot set: streams as it is read, \(size) at most")
            lines.append(AboutLine(.toBoot, text))
        }
        if let content = version.content {
            lines.append(AboutLine(.cached, "\(Format.bytes(version.here)) of \(Format.bytes(content))"))
        }
        if let new = version.new, let last = system.lastRun {
            lines.append(
                AboutLine(
                    .new,
                    new == 0 ? "nothing: this version ran last" : "\(Format.bytes(new)) since \(last.id) (ran last)")
            )
        } else if let changed = version.changed {
            lines.append(AboutLine(.changed, "\(Format.bytes(changed)) since the previous version"))
        }
        if let catalog = state.catalog(system.name.catalog), !catalog.trust.isEmpty {
            lines.append(AboutLine(.signed, catalog.trust))
        }
        if let login = system.distribution.guest(of: version.version).login {
            lines.append(AboutLine(.login, login))
        }
        if system.isUnjudged {
            lines.append(AboutLine(.judged, "not whether it comes up: no login was seen on its serial console yet"))
        }
        lines += kept(system)
        if let end = system.distribution.supportEnds {
            let isOver = system.isOutOfSupport(state.now)
            lines.append(AboutLine(.support, isOver ? "ended on \(end): no longer supported" : "until \(end)"))
        }
        if version.isPinned { lines.append(AboutLine(.pinned, "never removed to free space")) }
        return lines
    }

    /// A bar that shows how much of the image is cached.
    private static func bar(_ version: VersionSummary, width: Int, glyphs: Glyphs) -> [AboutLine] {
        guard version.content != nil, let whole = version.whole, whole > 0, width > 10 else { return [] }
        let cells = min(width, 60)
        let filled = Int(min(1, Double(version.here) / Double(whole)) * Double(cells))
        let text =
            String(repeating: glyphs.here, count: filled) + String(repeating: glyphs.missing, count: cells - filled)
        return [
            AboutLine(text), AboutLine("\(glyphs.here) cached  \(glyphs.missing) not cached, or empty", style: [.dim]),
        ]
    }
}

extension SystemSummary {
    /// Whether its maker's support has ended.
    /// - Parameter now: seconds since 1970.
    func isOutOfSupport(_ now: Int64) -> Bool {
        distribution.supportEnds.map { Timestamp($0).seconds + 86_400 < now } ?? false
    }
}

/// A line of text, with or without a label.
struct AboutLine {
    /// The facts about a version, by their labels.
    enum Fact: String {
        case version, processor, start, trust, cached, new, changed, signed, support, pinned, kept, judged
        case toBoot = "to boot"
        case login = "log in"
    }

    /// Nil for any other line.
    private(set) var fact: Fact?
    var label = ""
    var text: String
    var style: ScreenStyle = []

    init(_ label: String, _ text: String) {
        self.label = label
        self.text = text
    }

    init(_ fact: Fact, _ text: String) {
        self.init(fact.rawValue, text)
        self.fact = fact
    }

    init(_ text: String, style: ScreenStyle = []) {
        self.text = text
        self.style = style
    }

    static let empty = AboutLine("")

    func draw(row: Int, column: Int, width: Int, on page: inout Page) {
        guard !label.isEmpty else {
            page.put(text, row: row, column: column, width: width, style)
            return
        }
        page.put(label, row: row, column: column, width: min(width, 10), [.dim])
        page.put(text, row: row, column: column + 11, width: max(0, width - 11), style)
    }
}
