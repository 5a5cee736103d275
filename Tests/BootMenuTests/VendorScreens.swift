import Boot
import BootMenu
import Catalog
import Curses
import GuestDomain
import menu_sample

/// Screens with vendors' systems, each reached by keys, and with answers of vendors as they come.
enum VendorScreens {
    static let debian = SystemName(catalog: "vendors", distribution: "debian-13")

    static func image(_ version: String = "2026-11-16") -> VersionKey {
        VersionKey(catalog: "vendors", distribution: "debian-13", version: version)
    }

    /// The list of somebody who has never added a catalog.
    static func first(columns: Int = 80, rows: Int = 24, facts: MachineFacts = MachineFacts()) -> MenuState {
        Typing.menu(columns: columns, rows: rows, facts: facts, offer: SampleOffer.vendors())
    }

    /// The row of a system is chosen by finding it.
    static func find(_ name: String, _ menu: inout MenuState) {
        menu.press(.character("/"))
        menu.type(name)
        menu.press(.named(.enter))
    }

    /// The offer once a vendor has said which builds it has of a system.
    static func listed(_ name: SystemName = debian, _ offer: MenuOffer = SampleOffer.vendors()) -> MenuOffer {
        var offer = offer
        for place in offer.systems.indices where offer.systems[place].name == name {
            offer.systems[place] = SampleOffer.listed(offer.systems[place])
        }
        return offer
    }

    /// The list with Debian's group unfolded, and the builds of its first system known.
    static func known(columns: Int = 80, rows: Int = 24, facts: MachineFacts = MachineFacts()) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows, facts: facts, offer: listed())
        find("debian-13", &menu)
        menu.press(.named(.escape))
        return menu
    }

    private static func unfold(_ menu: inout MenuState) {
        for _ in 0..<5 { menu.press(.named(.down)) }
        menu.press(.named(.right), .named(.down), .named(.down))
    }

    /// The list with what is for another processor unfolded, and chosen.
    static func processors(columns: Int, rows: Int, _ emulation: Emulation) -> MenuState {
        var menu = Typing.menu(
            columns: columns, rows: rows,
            offer: listed(
                SystemName(catalog: "vendors", distribution: "debian-13-arm64"),
                SampleOffer.otherProcessors(emulation)))
        menu.press(.named(.end), .named(.right))
        return menu
    }

    static func screens(columns: Int, rows: Int) -> [(name: String, state: MenuState)] {
        let first = first(columns: columns, rows: rows)
        let known = known(columns: columns, rows: rows)
        func after(_ base: MenuState, _ change: (inout MenuState) -> Void) -> MenuState {
            var state = base
            change(&state)
            return state
        }
        let unverified = UnverifiedBoot(image(), level: .none, least: .whole)
        return [
            ("vendors-first", first),
            ("vendors-catalogs", Typing.menu(columns: columns, rows: rows, offer: SampleOffer.both())),
            (
                "vendors-unfolded", after(first) { unfold(&$0) }
            ),
            ("vendors-known", known),
            (
                "vendors-find",
                after(first) {
                    $0.press(.character("/"))
                    $0.type("fedora")
                }
            ),
            (
                "vendors-asking",
                after(first) {
                    find("debian-13", &$0)
                    $0.press(.named(.right))
                }
            ),
            (
                "vendors-fault",
                after(first) {
                    find("gentoo-cloud", &$0)
                    $0.press(.named(.right), .named(.left))
                    _ = $0.handle(
                        .vendorAnswered(
                            SystemName(catalog: "vendors", distribution: "gentoo-cloud"),
                            failure: VendorFailure(
                                "the page at https://images.example.org/ names no build that the table\u{1b}[2J knows"))
                    )
                }
            ),
            (
                "vendors-processors-folded",
                after(processors(columns: columns, rows: rows, .missing(["qemu-system-arm", "qemu-efi-aarch64"]))) {
                    $0.press(.named(.left))
                }
            ),
            (
                "vendors-processors-missing",
                after(processors(columns: columns, rows: rows, .missing(["qemu-system-arm", "qemu-efi-aarch64"]))) {
                    $0.press(.named(.down), .named(.down), .named(.enter))
                }
            ),
            (
                "vendors-processors",
                after(processors(columns: columns, rows: rows, .possible)) { $0.press(.named(.down), .named(.down)) }
            ),
            (
                "vendors-processors-details",
                after(processors(columns: columns, rows: rows, .possible)) {
                    $0.press(.named(.down), .character("i"))
                }
            ),
            ("vendors-versions", after(known) { $0.press(.named(.right)) }),
            (
                "vendors-versions-metered",
                after(VendorScreens.known(columns: columns, rows: rows, facts: MachineFacts(fetchesRest: false))) {
                    $0.press(.named(.right), .named(.end))
                }
            ),
            ("vendors-details", after(known) { $0.press(.character("i")) }),
            (
                "vendors-ask",
                after(known) {
                    $0.press(.named(.enter))
                    _ = $0.handle(.launchAsks(1, unverified))
                }
            ),
            (
                "vendors-refused",
                after(known) {
                    $0.press(.named(.enter))
                    _ = $0.handle(
                        .launchFailed(
                            1,
                            "the vendor of debian-13 has not signed this image; your setting vendors.least asks for more (whole)",
                            nil))
                }
            ),
            (
                "vendors-wrong",
                after(known) {
                    _ = $0.handle(
                        .explained(
                            image(),
                            GuestEnd(
                                reason:
                                    "images.example.org sent a file whose SHA-512 is not the one that Debian has signed",
                                isWrongImage: true)))
                }
            ),
            ("vendors-hidden", after(known) { $0.press(.character("H"), .named(.end), .named(.enter), .named(.down)) }),
            (
                "vendors-running",
                after(known) {
                    var guest = Typing.guest("debian-13")
                    (guest.status.catalog, guest.status.trust, guest.status.verified) = ("vendors", .whole, false)
                    guest.status.network = .init(
                        kind: .unplugged,
                        text: "the guest's network has ended: shut the guest down and boot it again")
                    _ = $0.handle(.guests([guest]))
                    $0.press(.named(.tab), .named(.enter))
                }
            ),
            (
                "vendors-login",
                after(known) {
                    _ = $0.handle(.login(image(), GuestLogin(user: "debian", password: "correct-horse-42")))
                }
            ),
        ]
    }
}
