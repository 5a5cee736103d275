import Boot
import BootMenu
import Catalog
import Testing
import menu_sample

/// What the menu says of a vendor's file that is packed as a whole.
@Suite struct DownloadFirstTests {
    private func offer(here: UInt64 = 0, first: UInt64? = 436_000_000) -> MenuOffer {
        var offer = VendorScreens.listed()
        for place in offer.systems.indices where offer.systems[place].name == VendorScreens.debian {
            offer.systems[place].versions[0].isWholeFirst = true
            offer.systems[place].versions[0].downloadFirst = first
            offer.systems[place].versions[0].here = here
        }
        return offer
    }

    private func menu(_ offer: MenuOffer) -> MenuState {
        var menu = Typing.menu(offer: offer)
        VendorScreens.find("debian-13", &menu)
        return menu
    }

    @Test func theRowAndTheDetailsSayWhatComesFirst() {
        var menu = menu(offer())
        #expect(menu.text().contains { $0.contains("▸ debian-13 ") && $0.contains("436 MB download first") })
        menu.press(.named(.right))
        #expect(
            menu.text().contains {
                $0.contains("2026-11-16") && $0.contains("verified when complete")
                    && $0.contains("436 MB download first")
            })
        menu.press(.character("i"))
        let details = menu.text().joined(separator: "\n")
        #expect(details.contains("436 MB to download first: it starts when all of it is here"), "\(details)")
        #expect(details.contains("before it starts"), "\(details)")
    }

    @Test func anUnknownSizeIsNoNumber() {
        #expect(
            menu(offer(first: nil)).text().contains { $0.contains("▸ debian-13 ") && $0.contains("download first") })
    }

    @Test func theGuestsRowSaysHowFarTheDownloadIs() {
        var menu = menu(offer())
        var guest = Typing.guest("debian-13")
        guest.status.catalog = "vendors"
        (guest.status.phase, guest.status.state) = (.index, .starting)
        guest.status.download = .init(stage: .download, done: 312_000_000, total: 540_000_000)
        _ = menu.handle(.guests([guest]))
        #expect(menu.text().contains { $0.contains("downloading, 57 %") })
        guest.status.download = .init(stage: .unpack, done: 54_000_000, total: 540_000_000)
        _ = menu.handle(.guests([guest]))
        #expect(menu.text().contains { $0.contains("unpacking, 10 %") })
    }
}
