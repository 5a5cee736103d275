import Boot

/// A form over the screen.
package struct Form: Sendable, Hashable {
    /// What its fields are for.
    package enum Purpose: Sendable, Hashable {
        case catalog
        /// What is set for a system.
        case settings(SettingsOverview)
        /// A boot of a version; `keeps`: as a machine that stays.
        case boot(VersionKey, SettingsOverview, keeps: Bool)
        case machine(String, MachineQuestion)
        /// The published ports of a session's guest, as they are.
        case ports(session: String, [SessionStatus.Port])
    }

    /// What a change of a machine needs to know.
    package enum MachineQuestion: Sendable, Hashable {
        case snapshot, clone, rename, grow, export
    }

    package let purpose: Purpose
    package let title: String
    package var fields: [TextField]
    package var focus = 0
    /// What is wrong with the input; empty if nothing is.
    package var error = ""
    /// Whether what was entered is being tried.
    package var isBusy = false

    init(_ purpose: Purpose, title: String, _ fields: [TextField]) {
        self.purpose = purpose
        self.title = title
        self.fields = fields
    }

    /// The form for a new catalog.
    static func catalog() -> Form {
        Form(
            .catalog, title: "Follow a catalog",
            [TextField(label: "Name"), TextField(label: "Address"), TextField(label: "Fingerprint (optional)")])
    }

    /// What was entered, without spaces around it.
    var texts: [String] {
        fields.map { String($0.text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    }

    /// The catalog that the user entered.
    var catalogRequest: CatalogRequest {
        let texts = texts
        return CatalogRequest(name: texts[0], url: texts[1], fingerprint: texts[2].filter { $0 != " " && $0 != ":" })
    }

    /// What Enter does: to the next field where all are needed, else it takes what there is.
    var enterHint: String {
        switch purpose {
        case .catalog: "next or add"
        case .settings: "save"
        case .boot: "boot"
        case .ports: "publish"
        case .machine(_, let question):
            switch question {
            case .snapshot: "take it"
            case .clone: "clone"
            case .rename: "rename"
            case .grow: "grow"
            case .export: "export"
            }
        }
    }
}

/// One line of text that the user edits.
package struct TextField: Sendable, Hashable {
    /// Characters; no name, address or search is longer.
    private static let limit = 1024

    package let label: String
    /// What is said of it beside the text: what holds where it is empty.
    package let note: String
    /// What Right and Left choose from.
    package let choices: [String]
    /// Whether only one of the choices, or nothing, can be entered.
    package let isClosed: Bool
    package private(set) var characters: [Character]
    /// The cursor is before the character with this index.
    package private(set) var cursor: Int

    init(label: String, text: String = "", note: String = "", choices: [String] = [], isClosed: Bool = false) {
        self.label = label
        self.note = note
        self.choices = choices
        self.isClosed = isClosed
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

    /// Takes the next choice that begins with a letter, if there is one.
    mutating func choose(from letter: Character) {
        let place = choices.firstIndex(of: text).map { $0 + 1 } ?? 0
        let next = (choices[place...] + choices[..<place]).first { $0.first == letter }
        guard let next else { return }
        characters = Array(next)
        cursor = characters.count
    }

    /// Takes the next choice, or the one before; after the last one comes nothing.
    mutating func choose(forward: Bool) {
        let all = [""] + choices
        let place = all.firstIndex(of: text) ?? 0
        characters = Array(all[(place + (forward ? 1 : all.count - 1)) % all.count])
        cursor = characters.count
    }
}
