import Boot
import Catalog

/// What is known of the chosen system: for the right pane, the strip and the details.
enum AboutLines {
    /// The chosen row's name.
    static func title(_ state: MenuState, _ signs: Signs) -> String {
        switch state.systemsRow(state.top.position.selected, of: state.top) {
        case .system(let system): signs.clip(system.distribution.title, to: 60).text
        case .catalog(let catalog): "Catalog \(catalog.name)"
        case nil: ""
        }
    }

    static func pane(_ state: MenuState, width: Int, height: Int, signs: Signs) -> [AboutLine] {
        switch state.systemsRow(state.top.position.selected, of: state.top) {
        case .catalog(let catalog): return trouble(catalog, width: width, signs: signs)
        case nil: return []
        case .system(let system):
            var lines = signs.wrap(system.distribution.summary, width, limit: 3).map { AboutLine($0) }
            if !lines.isEmpty { lines.append(.empty) }
            guard let newest = system.newest else { return lines + [AboutLine("It has no version yet.")] }
            lines += facts(newest, system, state)
            if height >= lines.count + 4 {
                lines.append(.empty)
                lines += bar(newest, width: width, signs: signs)
            }
            let notes = signs.wrap(newest.version.notes, width, limit: max(0, height - lines.count - 1))
            if !newest.version.notes.isEmpty && !notes.isEmpty {
                lines.append(.empty)
                lines += notes.map { AboutLine($0) }
            }
            return lines
        }
    }

    static func strip(_ state: MenuState, width: Int, signs: Signs) -> [AboutLine] {
        switch state.systemsRow(state.top.position.selected, of: state.top) {
        case .catalog(let catalog): return trouble(catalog, width: width, signs: signs)
        case nil: return []
        case .system(let system):
            let summary = AboutLine(signs.wrap(system.distribution.summary, width, limit: 1).first ?? "")
            guard let newest = system.newest else { return [summary, AboutLine("It has no version yet.")] }
            let all = facts(newest, system, state)
            // The four that matter most; i shows the rest.
            let order = ["to boot", "new", "signed", "log in", "support", "version"]
            let wanted = order.compactMap { label in all.first { $0.label == label } }.prefix(3)
            return [summary] + wanted
        }
    }

    private static func trouble(_ catalog: CatalogItem, width: Int, signs: Signs) -> [AboutLine] {
        [AboutLine("address", catalog.url), AboutLine("state", catalog.state.rawValue)]
            + signs.wrap(catalog.error, width, limit: 6).map { AboutLine($0) }
    }

    /// Label and value of all that is known of a version.
    static func facts(_ version: VersionSummary, _ system: SystemSummary, _ state: MenuState) -> [AboutLine] {
        var lines: [AboutLine] = []
        let place = system.versions.firstIndex { $0.id == version.id } ?? 0
        let rank =
            place == 0
            ? "newest of \(Words.count(system.versions.count))"
            : "\(Words.count(place)) before the newest of \(Words.count(system.versions.count))"
        lines.append(AboutLine("version", "\(version.id), \(rank)"))
        let size = Words.bytes(version.version.size)
        switch version.offline {
        case .whole: lines.append(AboutLine("to boot", "nothing: all of \(size) is here"))
        case .boots: lines.append(AboutLine("to boot", "nothing: the boot set is here; \(size) in all"))
        case .no:
            let words =
                version.toBoot.map { "\(Words.bytes($0)) of \(size)" }
                ?? "no boot set: it streams as it is read, \(size) at most"
            lines.append(AboutLine("to boot", words))
        }
        if let content = version.content {
            lines.append(AboutLine("here", "\(Words.bytes(version.here)) of \(Words.bytes(content))"))
        }
        if let new = version.new, let last = system.lastRun {
            lines.append(
                AboutLine("new", new == 0 ? "nothing: it ran last" : "\(Words.bytes(new)) since \(last.id) (ran last)"))
        } else if let changed = version.changed {
            lines.append(AboutLine("changed", "\(Words.bytes(changed)) since the version before"))
        }
        if let catalog = state.catalog(system.name.catalog), !catalog.trust.isEmpty {
            lines.append(AboutLine("signed", catalog.trust))
        }
        if let login = system.distribution.guest(of: version.version).login {
            lines.append(AboutLine("log in", login))
        }
        if let end = system.distribution.supportEnds {
            let isOver = system.isOutOfSupport(state.now)
            lines.append(AboutLine("support", isOver ? "ended on \(end): no longer supported" : "until \(end)"))
        }
        if version.isPinned { lines.append(AboutLine("kept", "pinned: never removed to make room")) }
        return lines
    }

    /// How much of the image is here, drawn.
    private static func bar(_ version: VersionSummary, width: Int, signs: Signs) -> [AboutLine] {
        guard version.content != nil, version.version.size > 0, width > 10 else { return [] }
        let cells = min(width, 60)
        let filled = Int(min(1, Double(version.here) / Double(version.version.size)) * Double(cells))
        let text =
            String(repeating: signs.here, count: filled) + String(repeating: signs.missing, count: cells - filled)
        return [
            AboutLine(text), AboutLine("\(signs.here) here  \(signs.missing) on the server, or empty", style: [.dim]),
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
