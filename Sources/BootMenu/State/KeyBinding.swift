import Curses

/// What a key can mean.
package enum Command: Sendable, Hashable {
    case up, down, pageUp, pageDown, first, last
    case activate, enter, back, switchPane
    case find, details, offline, pin, remove, refresh
    case cache, verify, addCatalog, log, help
    case console, window, pause, stop, force
    case redraw, suspend, quit, quitAtOnce
}

/// Keys that mean a command on some screens, and the texts for it. Key handling, hint lines and the help are made from these.
package struct KeyBinding: Sendable {
    package let command: Command
    /// The first is the one that hints name.
    package let keys: [ScreenInput]
    package let screens: Set<MenuScreen.Kind>
    /// For the hint line; empty where it is not worth its place there.
    package let hint: String
    package let help: String

    init(
        _ command: Command, _ keys: [ScreenInput], on screens: Set<MenuScreen.Kind> = Set(MenuScreen.Kind.allCases),
        hint: String = "", help: String
    ) {
        self.command = command
        self.keys = keys
        self.screens = screens
        self.hint = hint
        self.help = help
    }

    private static let lists: Set<MenuScreen.Kind> = [.systems, .versions, .guests, .cache]
    private static let images: Set<MenuScreen.Kind> = [.systems, .versions, .details]
    private static let running: Set<MenuScreen.Kind> = [.guest, .guests]
    private static let kept: Set<MenuScreen.Kind> = [.versions, .cache]
    private static let top: Set<MenuScreen.Kind> = [.systems]
    private static let below = Set(MenuScreen.Kind.allCases).subtracting(top)

    private static func all(but one: MenuScreen.Kind) -> Set<MenuScreen.Kind> {
        Set(MenuScreen.Kind.allCases).subtracting([one])
    }

    /// All of them, in the order in which hints and help show them.
    package static let all: [KeyBinding] = [
        KeyBinding(.activate, [.named(.enter)], on: top, hint: "boot", help: "Boot the newest version now"),
        KeyBinding(
            .activate, [.named(.enter)], on: [.versions, .details], hint: "boot this one",
            help: "Boot this version; an older one is the way back"),
        KeyBinding(.activate, [.named(.enter)], on: [.guests], hint: "open", help: "Look at this guest"),
        KeyBinding(
            .enter, [.named(.right), .character("v"), .character("l")], on: top, hint: "versions",
            help: "All versions of this system"),
        KeyBinding(.enter, [.named(.right), .character("l")], on: [.guests], help: "Look at this guest"),
        KeyBinding(
            .console, [.character("c")], on: running, hint: "console", help: "The guest's console; Ctrl-] returns"),
        KeyBinding(.window, [.character("w")], on: running, hint: "window", help: "The guest's screen in a window"),
        KeyBinding(.pause, [.character("p")], on: running, hint: "pause", help: "Pause the guest, or let it go on"),
        KeyBinding(.stop, [.character("s")], on: running, hint: "stop", help: "Ask the guest to shut down"),
        KeyBinding(.force, [.character("x")], on: running, hint: "force", help: "Power the guest off; asks first"),
        KeyBinding(
            .pin, [.character(" ")], on: kept, hint: "pin", help: "Keep this version here, or no longer"),
        KeyBinding(
            .remove, [.character("d"), .named(.delete)], on: kept, hint: "remove",
            help: "Remove from here what only this one needs; asks first"),
        KeyBinding(
            .offline, [.character("o")], on: images.union([.cache]), hint: "offline",
            help: "Bring it here for use without a network"),
        KeyBinding(
            .details, [.character("i")], on: lists.subtracting([.guests]), hint: "details",
            help: "All that is known of it"),
        KeyBinding(
            .verify, [.character("V")], on: [.cache], hint: "verify", help: "Read every block again; damaged ones go"),
        KeyBinding(
            .switchPane, [.named(.tab), .named(.backTab)], on: top, hint: "running", help: "The running guests"),
        KeyBinding(.switchPane, [.named(.tab), .named(.backTab)], on: below, help: "The operating systems"),
        KeyBinding(
            .find, [.character("/"), .function(3)], on: [.systems, .versions], hint: "find",
            help: "Find as you type; Esc clears"),
        KeyBinding(
            .cache, [.character("C"), .function(4)], on: all(but: .cache), hint: "cache",
            help: "What is kept here, and how much room it takes"),
        KeyBinding(
            .pin, [.character(" ")], on: [.systems, .details], hint: "pin",
            help: "Keep the newest version here, or no longer"),
        KeyBinding(
            .remove, [.character("d"), .named(.delete)], on: [.systems, .details], hint: "remove",
            help: "Remove from here what only this one needs, or a catalog; asks first"),
        KeyBinding(.addCatalog, [.character("a"), .function(2)], on: top, hint: "add", help: "Follow another catalog"),
        KeyBinding(
            .refresh, [.character("r"), .function(5)], on: [.systems, .versions, .cache, .guests], hint: "refresh",
            help: "Ask for news"),
        KeyBinding(
            .log, [.character("L"), .function(8)], on: all(but: .log), hint: "log", help: "What happened, errors whole"),
        KeyBinding(.up, [.named(.up), .character("k")], help: "Up"),
        KeyBinding(.down, [.named(.down), .character("j")], help: "Down"),
        KeyBinding(.pageUp, [.named(.pageUp), .control("b")], help: "A page up"),
        KeyBinding(.pageDown, [.named(.pageDown), .control("f")], help: "A page down"),
        KeyBinding(.first, [.named(.home), .character("g")], help: "To the first"),
        KeyBinding(.last, [.named(.end), .character("G")], help: "To the last"),
        KeyBinding(
            .back, [.named(.escape), .named(.left), .character("h"), .named(.backspace)], on: top, help: "Back"),
        KeyBinding(
            .back,
            [.named(.escape), .named(.left), .character("h"), .named(.backspace), .character("q"), .function(10)],
            on: below, hint: "back", help: "Back; never a yes"),
        KeyBinding(
            .help, [.character("?"), .function(1)], on: all(but: .help), hint: "help", help: "This page"),
        KeyBinding(.redraw, [.control("l")], help: "Draw the screen anew"),
        KeyBinding(.suspend, [.control("z")], help: "To the shell; `fg` returns"),
        KeyBinding(
            .quit, [.character("q"), .function(10)], on: top, hint: "quit", help: "Leave the menu; guests go on"),
        KeyBinding(.quitAtOnce, [.control("c")], help: "Leave the menu from anywhere; guests go on"),
    ]

    private static let table: [MenuScreen.Kind: [ScreenInput: Command]] = Dictionary(
        uniqueKeysWithValues: MenuScreen.Kind.allCases.map { kind in
            let pairs = all.filter { $0.screens.contains(kind) }.flatMap { row in row.keys.map { ($0, row.command) } }
            return (kind, Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
        })

    /// What a key means on a screen.
    package static func command(for key: ScreenInput, on kind: MenuScreen.Kind) -> Command? { table[kind]?[key] }
}

extension ScreenInput {
    /// The key's name, as hints and help write it.
    func name(_ glyphs: Glyphs) -> String {
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
            case .up: glyphs.up
            case .down: glyphs.down
            case .left: glyphs.left
            case .right: glyphs.right
            case .pageUp: "PgUp"
            case .pageDown: "PgDn"
            case .home: "Home"
            case .end: "End"
            }
        }
    }
}
