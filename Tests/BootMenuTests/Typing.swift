import Boot
import BootMenu
import Catalog
import Curses
import GuestDomain
import menu_sample

/// Presses keys on a menu that has no terminal.
enum Typing {
    /// A menu over the made-up offer, at the sample's date.
    static func menu(
        columns: Int = 80, rows: Int = 24, facts: MachineFacts = MachineFacts(), offer: MenuOffer? = SampleOffer.few()
    ) -> MenuState {
        var state = MenuState(
            facts: facts, size: ScreenSize(columns: columns, rows: rows), now: SampleOffer.newest + 6 * 86_400 + 43_200)
        if let offer { _ = state.handle(.offer(offer)) }
        return state
    }

    static func image(_ distribution: String, _ version: String = "2026-11-16") -> VersionKey {
        VersionKey(catalog: "example", distribution: distribution, version: version)
    }

    /// A guest that runs for two minutes.
    static func guest(_ distribution: String = "debian", _ version: String = "2026-11-16", id: String = "abcd1234")
        -> Guest
    {
        var status = SessionStatus(
            id: id, catalog: "example", distribution: distribution, version: version, state: .running, phase: .up,
            pid: 1, started: Timestamp(seconds: SampleOffer.newest + 6 * 86_400 + 43_200 - 125).description,
            accel: "kvm", mount: "/run/oscircular/sessions/\(id)/mount/\(version)",
            consoleLog: "/var/lib/oscircular/logs/\(id).log", bytesFetched: 84_000_000,
            bytesFromCache: 228_000_000, blocks: 4800, blocksHere: 1248,
            bootSet: SessionStatus.BootSetProgress(blocks: 336, done: 336), rate: 2_100_000)
        status.screen = .vnc
        return Guest(status)
    }
}

extension MenuState {
    /// Presses one key after the other.
    /// - Returns: what all of them together want done.
    @discardableResult
    mutating func press(_ keys: ScreenInput...) -> [MenuEffect] { keys.flatMap { handle(.input($0)) } }

    /// Types a text.
    mutating func type(_ text: String) { for character in text { _ = handle(.input(.character(character))) } }

    /// What is on the screen, row by row, without the spaces at the ends.
    func text(_ glyphs: Glyphs = .unicode) -> [String] {
        MenuView.frame(of: self, glyphs: glyphs).rows.map { ScreenText.of($0) }
    }
}
