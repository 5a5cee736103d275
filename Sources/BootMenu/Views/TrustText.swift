import Boot
import Catalog
import Curses

/// How sure one can be of what a vendor's file holds, in the words of rows and details.
enum TrustText {
    /// For a version's row; nil for a catalog's own blocks, each of which is verified.
    static func of(_ version: VersionSummary, _ state: MenuState) -> (text: String, style: ScreenStyle)? {
        guard let level = version.trust else { return nil }
        if version.fault != nil { return ("not what was signed", [.alert]) }
        if version.isGone { return ("no longer offered, \(share(version)) here", [.dim]) }
        if version.isVerified { return ("verified", [.accent]) }
        return switch level {
        case .none: ("not verified", [.alert])
        case .whole: (state.facts.fetchesRest ? level.words : "not yet verified", [])
        case .pieces, .blocks: (TrustLevel.blocks.words, [.accent])
        }
    }

    private static func share(_ version: VersionSummary) -> String {
        let all = version.content ?? version.version.source?.size ?? version.version.size
        if version.offline == .whole { return "all of it" }
        return "\(all == 0 ? 0 : min(99, version.here * 100 / all)) %"
    }

    /// For details: the row's words, and what they rest on.
    static func fact(_ version: VersionSummary, _ state: MenuState) -> String? {
        guard let word = of(version, state)?.text, let level = version.trust else { return nil }
        if let fault = version.fault { return "\(word): \(fault)" }
        if version.isVerified { return "\(word): all of it is here and is what its vendor says" }
        if version.isGone { return word }
        return switch level {
        case .none: "\(word): only the connection to the vendor's server says that it is genuine"
        case .whole where state.facts.fetchesRest:
            "\(word): the vendor has signed the file as a whole; the rest of it arrives while it runs"
        case .whole: "\(word): the vendor has signed the file as a whole, and its rest is not fetched"
        case .pieces: "\(word) before it is used, by the vendor's signature"
        case .blocks: "\(word) before it is used"
        }
    }
}
