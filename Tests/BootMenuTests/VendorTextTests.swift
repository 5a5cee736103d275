import Boot
import BootMenu
import Testing
import menu_sample

/// What the menu says of vendors' systems.
@Suite struct VendorTextTests {
    /// The row has their ids, and what is said of it below their titles.
    @Test func aHeadingOfFewSystemsNamesThemOnce() {
        let menu = VendorScreens.first()
        #expect(menu.text().count { $0.contains("alma-10") } == 1, "\(menu.text())")
        #expect(menu.text().contains { $0.contains("AlmaLinux 10, AlmaLinux 9, AlmaLinux 8") }, "\(menu.text())")
    }

    @Test func aDigestIsKnownOnceItsFileHasBeenLookedAt() throws {
        for (content, words) in [
            (UInt64?.none, "known once it is booted or fetched"), (1000, "its vendor publishes none"),
        ] {
            var offer = VendorScreens.listed()
            let place = try #require(offer.systems.firstIndex { $0.name == VendorScreens.debian })
            let old = offer.systems[place].versions[0]
            var version = old.version
            version.source?.digests = []
            offer.systems[place].versions[0] = VersionSummary(version, key: old.key)
            offer.systems[place].versions[0].content = content
            var menu = Typing.menu(columns: 100, rows: 40, offer: offer)
            VendorScreens.find("debian-13", &menu)
            menu.press(.character("i"))
            #expect(menu.text().contains { $0.contains("digest     \(words)") }, "\(menu.text())")
        }
    }

    @Test func aSystemWhoseNewestVersionIsGoneSaysSoOrMeansTheNext() throws {
        // A catalog's is what its publisher has signed; a vendor's is what the vendor has.
        var offer = VendorScreens.listed(VendorScreens.debian, SampleOffer.both())
        let own = try #require(offer.systems.firstIndex { !$0.isVendors })
        let vendors = try #require(offer.systems.firstIndex { $0.name == VendorScreens.debian })
        for place in [own, vendors] {
            offer.systems[place].versions[0].isGone = true
            offer.systems[place].versions[0].offline = .no
        }
        var menu = Typing.menu(columns: 100, rows: 30, offer: offer)
        let name = offer.systems[own].distribution.id
        #expect(menu.text().contains { $0.contains(" \(name) ") && $0.contains("not offered now") }, "\(menu.text())")
        VendorScreens.find("debian-13", &menu)
        #expect(menu.text().contains { $0.contains("debian-13") && $0.contains("2026-11-09") }, "\(menu.text())")
        #expect(!menu.text().contains { $0.contains("debian-13") && $0.contains("not offered now") })
    }
}
