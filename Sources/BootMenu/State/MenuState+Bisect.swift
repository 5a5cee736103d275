import Boot

/// The search for the version with which a fault came: which versions were good and bad, and which one tells most.
extension MenuState {
    /// How guests are booted from this screen.
    var usualWishes: BootWishes {
        var wishes = BootWishes()
        if top.screen.kind == .bisect { (wishes.isTrial, wishes.home, wishes.share) = (true, "", "") }
        return wishes
    }

    /// Whether there is anything of the shown bisect that can be forgotten.
    var hasBisect: Bool {
        guard case .bisect(let name) = top.screen else { return false }
        return bisects[name] != nil || bisectEnds[name] != nil
    }

    /// The rows of a bisect's screen: those of the bisect, or, before it begins, all versions of the system with what was said of them so far.
    package func bisectRows(_ name: SystemName) -> [BisectItem.Row] {
        if let item = bisects[name] { return item.rows }
        let ends = bisectEnds[name] ?? BisectEnds()
        return (system(name)?.versions ?? []).map { version in
            let mark: BisectItem.Mark =
                version.id == ends.good ? .good(isSaid: true) : version.id == ends.bad ? .bad(isSaid: true) : .untried
            return BisectItem.Row(version: version.id, mark: mark)
        }
    }

    /// The version that is chosen on a bisect's screen.
    var chosenBisectRow: (system: SystemName, version: String)? {
        guard case .bisect(let name) = top.screen else { return nil }
        let rows = bisectRows(name)
        return rows.indices.contains(top.position.selected) ? (name, rows[top.position.selected].version) : nil
    }

    mutating func openBisect() -> [MenuEffect] {
        guard let name = chosenSystemName else { return [] }
        let version = chosenImage?.version
        open(.bisect(name))
        if let row = bisectRows(name).firstIndex(where: { $0.version == version }) { select(row) }
        return [.loadBisect(name)]
    }

    /// Says how the chosen version is.
    mutating func mark(_ verdict: Bisection.Verdict) -> [MenuEffect] {
        guard let (name, version) = chosenBisectRow else { return [] }
        if bisects[name] != nil { return [.markBisect(name, version: version, verdict)] }
        var ends = bisectEnds[name] ?? BisectEnds()
        switch verdict {
        case .good: ends = BisectEnds(good: version, bad: ends.bad == version ? nil : ends.bad)
        case .bad: ends = BisectEnds(good: ends.good == version ? nil : ends.good, bad: version)
        case .skip:
            say("first mark a version without the fault (g), and a newer one with it (b)")
            return []
        }
        bisectEnds[name] = ends
        guard let good = ends.good, let bad = ends.bad else { return [] }
        return [.beginBisect(name, good: good, bad: bad)]
    }

    mutating func askReset() {
        guard case .bisect(let name) = top.screen else { return }
        guard bisects[name] != nil else {
            bisectEnds[name] = nil
            return
        }
        overlay = .dialog(
            Dialog(
                "Forget what was found out?",
                "Which versions of \(name.distribution) were good and bad is forgotten, and its guest is ended.",
                [Dialog.cancel(), .init(label: "Forget", action: .resetBisect(name))]))
    }

    /// What is known of a bisect now; nil where there is none.
    mutating func take(_ item: BisectItem?, of name: SystemName) {
        let old = bisects[name]
        guard item != old else { return }
        let chosen = chosenBisectRow?.version
        bisects[name] = item
        if item != nil { bisectEnds[name] = nil }
        guard top.screen == .bisect(name) else { return }
        let rows = bisectRows(name)
        // A new one to try is what the next key is about; else the same row stays.
        let isNews = item?.summary.next != old?.summary.next || item?.summary.state != old?.summary.state
        let wanted = isNews ? item?.summary.next ?? item?.summary.bad : chosen
        if let row = rows.firstIndex(where: { $0.version == wanted }) { select(row) }
        settle()
    }
}

/// What was said of versions before a bisect has begun.
package struct BisectEnds: Sendable, Hashable {
    package var good: String?
    package var bad: String?
}
