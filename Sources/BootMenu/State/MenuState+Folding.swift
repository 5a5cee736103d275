import Vendors

/// Headings of the list of systems: what is below them is shown or not, and vendors are hidden.
extension MenuState {
    /// Whether the chosen row is a heading, and whether what is below it is shown.
    var chosenHeading: (row: SystemsRow, isUnfolded: Bool)? {
        guard case .systems = top.screen, let row = systemsRow(top.position.selected, of: top) else { return nil }
        switch row {
        case .group(let group, let isUnfolded): return group.isHidden ? nil : (row, isUnfolded)
        case .hidden(_, let isUnfolded), .machines(_, let isUnfolded): return (row, isUnfolded)
        default: return nil
        }
    }

    /// Shows what is below the chosen heading, or no longer.
    mutating func fold(_ isUnfolded: Bool) {
        hasChosen = true
        switch chosenHeading?.row {
        case .group(let group, _):
            if isUnfolded { unfolded.insert(group.name) } else { unfolded.remove(group.name) }
        case .hidden: showsHidden = isUnfolded
        case .machines: machinesFold = isUnfolded
        default: return
        }
        list(0)
        settle()
    }

    /// Unfolds the group that a system is in, so that its row can be chosen.
    mutating func unfold(around identity: String) {
        guard !groups.isEmpty,
            let place = offer.systems.firstIndex(where: { "\($0.name.catalog)/\($0.name.distribution)" == identity }),
            offer.systems[place].isVendors
        else { return }
        unfolded.insert(offer.systems[place].heading)
    }

    /// Folds the group that the chosen row is in.
    /// - Returns: whether there was one.
    mutating func foldAround() -> Bool {
        guard top.filter.isEmpty, let row = systemsRow(top.position.selected, of: top) else { return false }
        switch row {
        case .group(let group, let isUnfolded) where !group.isHidden:
            guard isUnfolded else { return false }
            fold(false)
        case .hidden(_, let isUnfolded), .machines(_, let isUnfolded):
            guard isUnfolded else { return false }
            fold(false)
        case .machine:
            machinesFold = false
            list(0, choosing: Self.machinesIdentity)
        case .group:
            // A hidden vendor's: back to the heading of what is hidden.
            showsHidden = false
            list(0, choosing: "hidden")
        case .system(let system):
            guard let group = groups.first(where: { $0.name == system.heading && $0.hasHeading }), system.isVendors
            else { return false }
            unfolded.remove(group.name)
            list(0, choosing: Self.identity(of: group))
        default: return false
        }
        hasChosen = true
        settle()
        return true
    }

    /// Hides the chosen vendor, or shows it again.
    mutating func hide() -> [MenuEffect] {
        guard let group = chosenGroup else { return [] }
        say(
            group.isHidden
                ? "the systems of \(group.name) are shown again"
                : "the systems of \(group.name) are hidden: the last row of the list has them")
        // It stays in its place of the offer; the row after it is chosen.
        if group.isHidden {
            offer.hiddenVendors.remove(group.name)
        } else {
            offer.hiddenVendors.insert(group.name)
        }
        regroup(choosing: group.isHidden ? Self.identity(of: group) : nil)
        return [.hideVendor(group.name, !group.isHidden)]
    }

    private mutating func regroup(choosing identity: String?) {
        group()
        if let identity { list(0, choosing: identity) } else { list(0, keeping: false) }
        settle()
    }

    /// Identifies a heading independently of its place.
    static func identity(of group: VendorGroup) -> String { "group \(group.name)" }
}
