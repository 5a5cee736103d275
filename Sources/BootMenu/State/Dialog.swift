import Boot

/// A question, or something that must be read.
package struct Dialog: Sendable, Hashable {
    /// What a button does.
    package enum Act: Sendable, Hashable {
        case close
        case quit
        case force(String)
        case boot(VersionKey)
        case open(String)
        case fetch(VersionKey, FetchItem.Extent)
        case stopFetch(Int)
        case remove(VersionKey)
        case removeCatalog(String)
        case trust(CatalogRequest)
    }

    /// A choice.
    package struct Button: Sendable, Hashable {
        package let label: String
        package let act: Act
    }

    package let title: String
    package let text: String
    package let buttons: [Button]
    package var selected: Int

    /// - Parameter selected: the button that Enter takes; for what cannot be undone that is the one that does nothing.
    init(_ title: String, _ text: String, _ buttons: [Button], selected: Int = 0) {
        self.title = title
        self.text = text
        self.buttons = buttons
        self.selected = selected
    }

    static func cancel(_ label: String = "Cancel") -> Button { Button(label: label, act: .close) }
}
