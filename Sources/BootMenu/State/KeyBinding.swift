import Curses

/// What a key can do.
package enum Command: Sendable, Hashable {
    case up, down, pageUp, pageDown, first, last
    case activate, enter, back, switchPane
    case find, details, offline, pin, remove, refresh, hide
    case cache, verify, addCatalog, log, help
    case console, window, pause, stop, force, login, ports, clipboard
    case suspendGuest
    case settings, bootWith, bootCold, keep, makeWarm
    case bisect, markGood, markBad, markSkipped, resetBisect
    case snapshot, revert, removeSnapshot, clone, rename, grow, export
    case redraw, suspend, quit, quitAtOnce
}

/// The keys for a command on some screens, and how hints and help describe it. Key handling, hint line and help all use these.
package struct KeyBinding: Sendable {
    package let command: Command
    /// Hints show the first one.
    package let keys: [ScreenInput]
    package let screens: Set<MenuScreen.Kind>
    /// For the hint line; empty to leave it out there.
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
    private static let machine: Set<MenuScreen.Kind> = [.machine]
    private static let bisect: Set<MenuScreen.Kind> = [.bisect]
    private static let top: Set<MenuScreen.Kind> = [.systems]
    private static let below = Set(MenuScreen.Kind.allCases).subtracting(top)

    private static func all(but one: MenuScreen.Kind) -> Set<MenuScreen.Kind> {
        Set(MenuScreen.Kind.allCases).subtracting([one])
    }

    /// All bindings, in the order of hints and help.
    package static let all: [KeyBinding] = [
        KeyBinding(
            .activate, [.named(.enter)], on: top, hint: "boot",
            help: "Boot the newest version; start a machine; fold or unfold"),
        KeyBinding(
            .activate, [.named(.enter)], on: [.versions, .details], hint: "boot this one",
            help: "Boot this version (an older one to go back)"),
        KeyBinding(.activate, [.named(.enter)], on: [.guests], hint: "open", help: "Show this guest"),
        KeyBinding(
            .activate, [.named(.enter)], on: machine, hint: "start", help: "Start this machine, or show its guest"),
        KeyBinding(
            .snapshot, [.character("s")], on: machine, hint: "snapshot", help: "Take a snapshot of the machine's disk"),
        KeyBinding(
            .revert, [.character("R")], on: machine, hint: "revert", help: "Go back to the chosen snapshot (asks first)"
        ),
        KeyBinding(.clone, [.character("c")], on: machine, hint: "clone", help: "Make another machine like this one"),
        KeyBinding(.rename, [.character("n")], on: machine, hint: "rename", help: "Give the machine another name"),
        KeyBinding(.grow, [.character("+")], on: machine, hint: "grow", help: "Make the machine's disk larger"),
        KeyBinding(
            .export, [.character("w")], on: machine, hint: "export",
            help: "Write the machine's disk to a file of its own"),
        KeyBinding(
            .removeSnapshot, [.character("x")], on: machine, hint: "drop snapshot",
            help: "Remove the chosen snapshot (asks first)"),
        KeyBinding(
            .remove, [.character("d"), .named(.delete)], on: machine, hint: "forget",
            help: "Forget the machine with its disk (asks first)"),
        KeyBinding(
            .activate, [.named(.enter)], on: bisect, hint: "boot",
            help: "Boot this version in a guest that is thrown away"),
        KeyBinding(
            .markGood, [.character("g")], on: bisect, hint: "good",
            help: "Say that this version does not have the fault"),
        KeyBinding(.markBad, [.character("b")], on: bisect, hint: "bad", help: "Say that this version has the fault"),
        KeyBinding(
            .markSkipped, [.character("s")], on: bisect, hint: "skip",
            help: "Say that this version cannot be judged"),
        KeyBinding(
            .resetBisect, [.character("d"), .named(.delete)], on: bisect, hint: "forget",
            help: "Forget which versions were good and bad (asks first)"),
        KeyBinding(
            .enter, [.named(.right), .character("v"), .character("l")], on: top, hint: "versions",
            help: "Show all versions, or the machine; unfold a vendor"),
        KeyBinding(.enter, [.named(.right), .character("l")], on: [.guests], help: "Show this guest"),
        KeyBinding(
            .console, [.character("c")], on: running, hint: "console", help: "Open the guest's console (Ctrl-] returns)"
        ),
        KeyBinding(
            .window, [.character("w")], on: running, hint: "window", help: "Open the guest's screen in a window"),
        KeyBinding(
            .clipboard, [.character("y")], on: running, hint: "clipboard",
            help: "Share the desktop's clipboard with this system, or stop that (asks first)"),
        KeyBinding(.pause, [.character("p")], on: running, hint: "pause", help: "Pause or resume the guest"),
        KeyBinding(
            .suspendGuest, [.character("S")], on: running, hint: "suspend",
            help: "Save the guest's memory and end it; go on with a suspended one"),
        KeyBinding(.stop, [.character("s")], on: running, hint: "stop", help: "Ask the guest to shut down"),
        KeyBinding(.force, [.character("x")], on: running, hint: "force", help: "Power the guest off (asks first)"),
        KeyBinding(
            .pin, [.character(" ")], on: kept, hint: "pin", help: "Pin or unpin this version"),
        KeyBinding(
            .remove, [.character("d"), .named(.delete)], on: kept, hint: "remove",
            help: "Remove this version's own blocks (asks first)"),
        KeyBinding(
            .offline, [.character("o")], on: images.union([.cache]), hint: "offline",
            help: "Download it for offline use"),
        KeyBinding(
            .details, [.character("i")], on: lists.subtracting([.guests]), hint: "details",
            help: "Show all details"),
        KeyBinding(
            .verify, [.character("V")], on: [.cache], hint: "verify",
            help: "Re-verify all blocks and remove damaged ones"),
        KeyBinding(
            .switchPane, [.named(.tab), .named(.backTab)], on: top, hint: "running", help: "Show the running guests"),
        KeyBinding(.switchPane, [.named(.tab), .named(.backTab)], on: below, help: "Show the operating systems"),
        KeyBinding(
            .find, [.character("/"), .function(3)], on: [.systems, .versions], hint: "find",
            help: "Find as you type (Esc clears)"),
        KeyBinding(
            .keep, [.character("K")], on: images, hint: "keep", help: "Boot it as a machine that stays, under a name"),
        KeyBinding(
            .bootWith, [.character("b")], on: images, hint: "boot with",
            help: "Boot with a home, a folder or a larger disk"),
        KeyBinding(
            .settings, [.character("E")], on: images.union(machine), hint: "settings",
            help: "Change its memory, disk, home, folder and so on"),
        KeyBinding(
            .bootCold, [.character("c")], on: images, hint: "boot cold",
            help: "Boot it from its disk, where it would start warm"),
        KeyBinding(
            .makeWarm, [.character("w")], on: images, hint: "make warm",
            help: "Make its next starts take a second"),
        KeyBinding(
            .cache, [.character("C"), .function(4)], on: all(but: .cache), hint: "cache",
            help: "Show the cache and the space it takes"),
        KeyBinding(
            .pin, [.character(" ")], on: [.systems, .details], hint: "pin",
            help: "Pin or unpin the newest version"),
        KeyBinding(
            .remove, [.character("d"), .named(.delete)], on: [.systems, .details], hint: "remove",
            help: "Remove its blocks, a catalog or a machine (asks first)"),
        KeyBinding(
            .hide, [.character("H")], on: top, hint: "hide", help: "Hide a vendor (or show it again, at the list's end)"
        ),
        KeyBinding(
            .login, [.character("P")], on: running.union([.details]), hint: "password",
            help: "Show the user and password for the guest's console"),
        KeyBinding(
            .ports, [.character("f")], on: running, hint: "ports",
            help: "Publish ports of the guest, or take them back"),
        KeyBinding(.addCatalog, [.character("a"), .function(2)], on: top, hint: "add", help: "Follow another catalog"),
        KeyBinding(
            .refresh, [.character("r"), .function(5)], on: [.systems, .versions, .cache, .guests, .machine, .bisect],
            hint: "refresh",
            help: "Check for new versions"),
        KeyBinding(
            .bisect, [.character("B")], on: [.versions, .details], hint: "bisect",
            help: "Find the version with which a fault came"),
        KeyBinding(
            .log, [.character("L"), .function(8)], on: all(but: .log), hint: "log",
            help: "Show the log, with errors in full"),
        KeyBinding(.up, [.named(.up), .character("k")], help: "Up"),
        KeyBinding(.down, [.named(.down), .character("j")], help: "Down"),
        KeyBinding(.pageUp, [.named(.pageUp), .control("b")], help: "Page up"),
        KeyBinding(.pageDown, [.named(.pageDown), .control("f")], help: "Page down"),
        KeyBinding(.first, [.named(.home), .character("g")], on: all(but: .bisect), help: "To the first row"),
        KeyBinding(.first, [.named(.home)], on: bisect, help: "To the first row"),
        KeyBinding(.last, [.named(.end), .character("G")], help: "To the last row"),
        KeyBinding(
            .back, [.named(.escape), .named(.left), .character("h"), .named(.backspace)], on: top,
            help: "Back, or fold a vendor"),
        KeyBinding(
            .back,
            [.named(.escape), .named(.left), .character("h"), .named(.backspace), .character("q"), .function(10)],
            on: below, hint: "back", help: "Back (never confirms)"),
        KeyBinding(
            .help, [.character("?"), .function(1)], on: all(but: .help), hint: "help", help: "Show this page"),
        KeyBinding(.redraw, [.control("l")], help: "Redraw the screen"),
        KeyBinding(.suspend, [.control("z")], help: "Suspend to the shell (`fg` returns)"),
        KeyBinding(
            .quit, [.character("q"), .function(10)], on: top, hint: "quit", help: "Leave the menu; guests keep running"),
        KeyBinding(.quitAtOnce, [.control("c")], help: "Leave from any screen; guests keep running"),
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
