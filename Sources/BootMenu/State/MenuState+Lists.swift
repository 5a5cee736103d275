import Boot

/// The list on the screen: which rows it has, and which one is chosen.
extension MenuState {
    /// What the chosen row of a list of systems is.
    package enum SystemsRow: Sendable {
        case system(SystemSummary)
        case catalog(CatalogItem)
        case group(VendorGroup, isUnfolded: Bool)
        /// The heading of the vendors that the user has hidden, and how many they are.
        case hidden(Int, isUnfolded: Bool)
        /// The heading of the kept machines.
        case machines([MachineItem], isUnfolded: Bool)
        case machine(MachineItem)
    }

    /// How many rows the shown list or text has.
    package var rowCount: Int {
        switch top.screen {
        case .systems, .versions: top.rows.count
        case .guests: guests.count
        case .machine(let name): machine(name)?.snapshots.count ?? 0
        case .bisect(let name): bisectRows(name).count
        case .cache: cache?.items.count ?? 0
        case .log, .help, .details: layout.textRows
        case .launch, .guest: 0
        }
    }

    /// Whether the screen is a text to scroll, without a chosen row.
    var isText: Bool {
        switch top.screen.kind {
        case .log, .help, .details: true
        default: false
        }
    }

    /// A row of the list of systems. A row's number is first that of a system, then that of a catalog in trouble, then that of a
    /// heading.
    package func systemsRow(_ row: Int, of open: OpenScreen) -> SystemsRow? {
        guard open.rows.indices.contains(row) else { return nil }
        let index = open.rows[row]
        if index < 0 { return machinesRow(index) }
        if index < offer.systems.count { return .system(offer.systems[index]) }
        let trouble = index - offer.systems.count
        return troubled.indices.contains(trouble) ? .catalog(offer.catalogs[troubled[trouble]]) : heading(index)
    }

    static let machinesIdentity = "machines"

    /// The version that a key on this screen is about.
    package var chosenImage: VersionKey? {
        switch top.screen {
        case .systems:
            guard case .system(let system)? = systemsRow(top.position.selected, of: top), let newest = system.newest
            else {
                return nil
            }
            return newest.key
        case .versions(let name):
            guard let system = system(name), top.rows.indices.contains(top.position.selected) else { return nil }
            return system.versions[top.rows[top.position.selected]].key
        // Without a version it is the newest, which may not be known yet.
        case .details(let image): return image.version.isEmpty ? system(image.system)?.newest?.key : image
        case .cache:
            guard let items = cache?.items, items.indices.contains(top.position.selected) else { return nil }
            return items[top.position.selected].image
        case .bisect:
            return chosenBisectRow.map {
                VersionKey(catalog: $0.system.catalog, distribution: $0.system.distribution, version: $0.version)
            }
        default: return nil
        }
    }

    /// The guest that a key on this screen is about.
    package var chosenGuest: Guest? {
        switch top.screen {
        // One whose start failed is shown as it was, and there is nothing left to do with it.
        case .launch(let number) where launches[number]?.failure != nil: nil
        case .guests: guests.indices.contains(top.position.selected) ? guests[top.position.selected] : nil
        default: guest(on: top.screen)
        }
    }

    /// The catalog in trouble that is chosen in the list of systems.
    var chosenCatalog: CatalogItem? {
        guard case .systems = top.screen, case .catalog(let catalog)? = systemsRow(top.position.selected, of: top)
        else {
            return nil
        }
        return catalog
    }

    mutating func select(_ row: Int) {
        if isText {
            top.position.scroll(to: row, of: rowCount, height: layout.listHeight)
        } else {
            top.position.select(row, of: rowCount, height: layout.listHeight)
        }
    }

    /// Keeps the chosen row within the list and visible, after either changed.
    mutating func settle() {
        if isText { select(top.position.top) } else { select(top.position.selected) }
    }

    /// Recomputes the rows of a screen, and keeps the same item chosen.
    mutating func list(_ level: Int, keeping: Bool = true) {
        list(level, choosing: keeping ? chosenIdentity(level) : nil)
    }

    /// Identifies the chosen item of a screen independently of its place. Ask before the lists change.
    func chosenIdentity(_ level: Int) -> String? {
        let open = stack[level]
        return open.rows.indices.contains(open.position.selected) ? identity(open, open.position.selected) : nil
    }

    /// Recomputes the rows of a screen, and chooses the given item, or else the same place.
    mutating func list(_ level: Int, choosing chosen: String?) {
        let open = stack[level]
        let wanted = open.filter.lowercased()
        switch open.screen {
        case .systems:
            if let chosen, wanted.isEmpty { unfold(around: chosen) }
            let catalogs = troubled.indices.filter {
                wanted.isEmpty || offer.catalogs[troubled[$0]].name.contains(wanted)
            }.map { $0 + offer.systems.count }
            stack[level].rows =
                wanted.isEmpty
                ? machineRows + offer.systems.indices.filter { !offer.systems[$0].isVendors } + catalogs + vendorRows
                : machineRows(matching: wanted.split(separator: " ")) + matches(wanted) + catalogs
        case .versions(let name):
            let versions = system(name)?.versions ?? []
            stack[level].rows = versions.indices.filter {
                wanted.isEmpty || versions[$0].id.contains(wanted)
                    || versions[$0].version.notes.lowercased().contains(wanted)
            }
        default: return
        }
        var row = min(open.position.selected, max(0, stack[level].rows.count - 1))
        if let chosen {
            let rows = stack[level].rows
            row = rows.indices.first { identity(stack[level], $0) == chosen } ?? (wanted.isEmpty ? row : 0)
        }
        let height = level == stack.count - 1 ? layout.listHeight : max(1, size.rows - 6)
        stack[level].position.select(row, of: stack[level].rows.count, height: height)
    }

    /// The systems that a search finds, without headings: those that have all its words, first those whose names begin with it, last
    /// those for other processors than this machine's.
    private func matches(_ wanted: String) -> [Int] {
        var (first, others, last): ([Int], [Int], [Int]) = ([], [], [])
        let words = wanted.split(separator: " ")
        for (place, text) in searchTexts.enumerated() where words.allSatisfy({ text.contains($0) }) {
            let system = offer.systems[place]
            if system.isVendors, isHidden(system) { continue }
            if system.processorGroup != nil {
                last.append(place)
            } else if text.hasPrefix(wanted) {
                first.append(place)
            } else {
                others.append(place)
            }
        }
        return first + others + last
    }

    /// Identifies a row's item independently of its place.
    private func identity(_ open: OpenScreen, _ row: Int) -> String? {
        switch open.screen {
        case .systems:
            switch systemsRow(row, of: open) {
            case .system(let system): "\(system.name.catalog)/\(system.name.distribution)"
            case .catalog(let catalog): "\(catalog.name)/"
            case .group(let group, _): MenuState.identity(of: group)
            case .hidden: "hidden"
            case .machines: MenuState.machinesIdentity
            // No catalog's name ends with a colon.
            case .machine(let machine): "machine:\(machine.name)"
            case nil: nil
            }
        case .versions(let name):
            system(name).flatMap { $0.versions.indices.contains(open.rows[row]) ? $0.versions[open.rows[row]].id : nil }
        default: nil
        }
    }

    mutating func open(_ screen: MenuScreen) {
        if top.screen == screen { return }
        // The same screen twice in the stack would make Esc go round in circles.
        if let level = stack.firstIndex(where: { $0.screen == screen }) {
            stack.removeSubrange((level + 1)...)
        } else {
            stack.append(OpenScreen(screen))
            list(stack.count - 1, keeping: false)
        }
        settle()
    }

    mutating func close() {
        if stack.count > 1 { stack.removeLast() }
        list(stack.count - 1)
        settle()
    }

    mutating func backToTop() {
        while stack.count > 1 { stack.removeLast() }
        list(0)
    }
}
