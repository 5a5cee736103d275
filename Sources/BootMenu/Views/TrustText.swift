import Boot
import Catalog
import Curses

/// How sure one can be of what a vendor's file holds, in the words of rows and details.
enum TrustText {
    /// For a version's row; nil for a catalog's own blocks, each of which is verified.
    static func of(_ version: VersionSummary, _ state: MenuState) -> (text: String, style: ScreenStyle)? {
        guard let level = version.trust else { return nil }
        if version.fault != nil { return ("not the vendor's file", [.alert]) }
        if version.isGone { return ("no longer offered, \(share(version)) here", [.dim]) }
        if version.isVerified { return ("verified", [.accent]) }
        return switch level {
        case .none: ("not verified", [.alert])
        case .whole: (state.fetchesRest || version.isWholeFirst ? level.words : "not yet verified", [])
        case .pieces, .blocks: (TrustLevel.blocks.words, [.accent])
        }
    }

    private static func share(_ version: VersionSummary) -> String {
        let all = version.content ?? version.whole ?? 0
        if version.offline == .whole { return "all of it" }
        return "\(all == 0 ? 0 : min(99, version.here * 100 / all)) %"
    }

    /// For a guest that runs; nil for a catalog's.
    static func of(_ status: SessionStatus) -> String? {
        guard let level = status.trust else { return nil }
        return switch level {
        case .none: "not verified"
        case .whole: status.verified == true ? "verified" : "not verified before all of it is here"
        case .pieces, .blocks: TrustLevel.blocks.words
        }
    }

    /// For details: the row's words, and what they rest on.
    static func fact(_ version: VersionSummary, _ state: MenuState) -> String? {
        guard let word = of(version, state)?.text, let level = version.trust else { return nil }
        if let fault = version.fault { return "\(word): \(fault)" }
        if version.isVerified { return "\(word): all of it is here, and it is what its vendor says" }
        if version.isGone { return word }
        return switch level {
        case .none where version.isCompared: "\(word): all of it is here, and fits checksums that nobody has signed"
        case .none: "\(word): only the connection to its server vouches for it"
        case .whole where version.isWholeFirst: "\(word), before it starts: the vendor signed the file as a whole"
        case .whole where state.fetchesRest:
            "\(word): the vendor signed the file as a whole"
        case .whole: "\(word): the vendor signed the whole file, and its rest is not fetched"
        case .pieces: "\(word) before it is used, by the vendor's signature"
        case .blocks: "\(word) before it is used"
        }
    }
}

extension MenuState {
    /// Whether the rest of a vendor's file is fetched while its guest runs, so that it will have been verified.
    var fetchesRest: Bool { facts.fetchesRest && !offer.isMetered }
}

extension UnverifiedBoot {
    /// Why the user's settings do not let it boot, and what can be done in the menu.
    package var refusal: String {
        let way =
            level == .none
            ? "Nothing that its vendor publishes can verify it"
            : "Go back and press o to download it: it boots when all of it is here and has been verified"
        return "\(fact.prefix(1).uppercased())\(fact.dropFirst()). Your setting vendors.least asks for more "
            + "(\(least.rawValue)). \(way)."
    }
}
