/// One line of text that the user edits.
package struct TextField: Sendable, Hashable {
    /// No name, address or search is longer.
    private static let limit = 1024

    package let label: String
    package private(set) var characters: [Character]
    /// Before the character of this number.
    package private(set) var cursor: Int

    init(label: String, text: String = "") {
        self.label = label
        characters = Array(text.prefix(TextField.limit))
        cursor = characters.count
    }

    package var text: String { String(characters) }

    /// Inserts what may stand in one line; of a pasted text its first line.
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
