import Boot
import Vendors

/// What is shown over a screen and takes the keys.
package enum Overlay: Sendable, Hashable {
    case dialog(Dialog)
    case form(CatalogForm)
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
        case boot(VersionKey)
        /// Boot what the user was asked about.
        case allow(UnverifiedBoot)
        /// Say whether a catalog's table may change a system, then boot what was to boot.
        case answer(TableChange, isAllowed: Bool, VersionKey)
        case open(MenuScreen)
        case fetch(VersionKey, VersionFetch.Extent)
        case stopFetch(Int)
        case remove(VersionKey)
        case removeCatalog(String)
        case trust(CatalogRequest)
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

/// The form for a new catalog.
package struct CatalogForm: Sendable, Hashable {
    package var fields: [TextField]
    package var focus = 0
    /// What is wrong with the input; empty if nothing is.
    package var error = ""
    /// Whether the catalog is being fetched.
    package var isBusy = false

    init() {
        fields = [
            TextField(label: "Name"), TextField(label: "Address"), TextField(label: "Fingerprint (optional)"),
        ]
    }

    var request: CatalogRequest {
        let texts = fields.map { String($0.text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
        return CatalogRequest(name: texts[0], url: texts[1], fingerprint: texts[2].filter { $0 != " " && $0 != ":" })
    }
}

/// One line of text that the user edits.
package struct TextField: Sendable, Hashable {
    /// Characters; no name, address or search is longer.
    private static let limit = 1024

    package let label: String
    package private(set) var characters: [Character]
    /// The cursor is before the character with this index.
    package private(set) var cursor: Int

    init(label: String, text: String = "") {
        self.label = label
        characters = Array(text.prefix(TextField.limit))
        cursor = characters.count
    }

    package var text: String { String(characters) }

    /// Inserts text without its control characters; of several lines only the first.
    mutating func insert(_ text: String) {
        let line = text.prefix { !$0.isNewline }.filter {
            $0.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
        }
        let fitting = Array(line.prefix(TextField.limit - characters.count))
        characters.insert(contentsOf: fitting, at: cursor)
        cursor += fitting.count
    }

    mutating func deleteBackward() {
        guard cursor > 0 else { return }
        cursor -= 1
        characters.remove(at: cursor)
    }

    mutating func deleteForward() {
        if cursor < characters.count { characters.remove(at: cursor) }
    }

    mutating func clear() {
        characters = []
        cursor = 0
    }

    mutating func move(to position: Int) { cursor = max(0, min(position, characters.count)) }
}
