import Curses

extension ScreenInput {
    /// The key's name, as hints and help write it.
    func name(_ signs: Signs) -> String {
        switch self {
        case .character(" "): "Space"
        case .character(let character): String(character)
        case .control(let character): "Ctrl-\(character.uppercased())"
        case .function(let number): "F\(number)"
        case .click, .wheel, .pasted: ""
        case .named(let key):
            switch key {
            case .enter: "Enter"
            case .escape: "Esc"
            case .tab: "Tab"
            case .backTab: "Shift-Tab"
            case .backspace: "Backspace"
            case .delete: "Del"
            case .up: signs.up
            case .down: signs.down
            case .left: signs.left
            case .right: signs.right
            case .pageUp: "PgUp"
            case .pageDown: "PgDn"
            case .home: "Home"
            case .end: "End"
            }
        }
    }
}
