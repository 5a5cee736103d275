import Boot

/// The clipboard of guest and desktop: off for every system until the user switches it on for that one.
extension MenuState {
    /// Reads what is set for the chosen guest's system; the question follows.
    mutating func askClipboard() -> [MenuEffect] {
        guard let guest = chosenGuest else { return [] }
        guard guest.status.screen == .spice else {
            say("\(guest.image.title) has no screen with a clipboard")
            return []
        }
        return [.loadSettings(guest.image.system, .clipboard(session: guest.id))]
    }

    func clipboardDialog(_ guest: Guest, _ overview: SettingsOverview) -> Dialog {
        let name = "\(overview.system.catalog)/\(overview.system.distribution)"
        let hasIt = guest.status.sharesClipboard == true
        guard overview.clipboard == .off else {
            return Dialog(
                "Stop sharing the clipboard with \(name)?",
                "From its next start on, nothing is shared."
                    + (hasIt ? " This guest has the clipboard until it ends." : " This guest has none already."),
                [.init(label: "Stop sharing", action: .share(overview, .off)), Dialog.cancel()])
        }
        return Dialog(
            "Share the clipboard with \(name)?",
            "From its next start on, its guests read what you copy on this desktop while their window is open, passwords too, and put "
                + "there what they like."
                + (hasIt ? " This guest has the clipboard now, until it ends." : " This guest stays without it."),
            [Dialog.cancel(), .init(label: "Share it", action: .share(overview, .on))])
    }

    mutating func share(_ overview: SettingsOverview, _ clipboard: SystemSettings.Clipboard) -> [MenuEffect] {
        var settings = overview.own
        // Off is set only where another file would switch it on.
        settings.clipboard = clipboard == .off && overview.below.clipboard != .on ? nil : clipboard
        return [.saveSettings(overview.system, settings, replacing: overview.own)]
    }
}

extension SettingsOverview {
    /// What holds for the next start.
    fileprivate var clipboard: SystemSettings.Clipboard { own.clipboard ?? below.clipboard ?? .off }
}
