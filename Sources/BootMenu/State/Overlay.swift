import Boot
import Vendors

/// What is shown over a screen and takes the keys.
package enum Overlay: Sendable, Hashable {
    case dialog(Dialog)
    case form(Form)
    /// The search text, while it is typed.
    case find(TextField)
}

/// A question, or a message that the user must close.
package struct Dialog: Sendable, Hashable {
    /// What a button does.
    package enum Action: Sendable, Hashable {
        case close
        case quit
        case force(String)
        case forgetSuspended(String)
        case boot(VersionKey, BootWishes = BootWishes())
        /// Boot what the user was asked about.
        case allow(UnverifiedBoot, BootWishes = BootWishes())
        /// Say whether a catalog's table may change a system, then boot what was to boot.
        case answer(TableChange, isAllowed: Bool, VersionKey, BootWishes = BootWishes())
        case open(MenuScreen)
        case fetch(VersionKey, VersionFetch.Extent)
        case makeWarm(VersionKey)
        case stopFetch(Int)
        case remove(VersionKey)
        case removeCatalog(String)
        case trust(CatalogRequest)
        case change(machine: String, MachineChange)
        case resetBisect(SystemName)
        case share(SettingsOverview, SystemSettings.Clipboard)
    }

    /// One of the answers.
    package struct Button: Sendable, Hashable {
        package let label: String
        package let action: Action
    }

    package let title: String
    package let text: String
    package let buttons: [Button]
    package var selected: Int

    /// - Parameter selected: the button that Enter presses; where something cannot be undone, it is the one that does nothing.
    init(_ title: String, _ text: String, _ buttons: [Button], selected: Int = 0) {
        self.title = title
        self.text = text
        self.buttons = buttons
        self.selected = selected
    }

    static func cancel(_ label: String = "Cancel") -> Button { Button(label: label, action: .close) }
}
