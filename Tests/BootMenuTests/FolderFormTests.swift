import Boot
import BootMenu
import Testing
import menu_sample

/// Folders of this machine in the menu: set for a system, given for one boot, asked about, shown.
@Suite struct FolderFormTests {
    private static let debian = SystemName(catalog: "example", distribution: "debian")

    private static func overview(_ share: String?) -> SettingsOverview {
        var own = SystemSettings()
        own.share = share
        return SettingsOverview(system: debian, own: own)
    }

    private static func boot(_ share: String?) -> MenuState {
        var menu = Typing.menu()
        menu.press(.character("b"))
        _ = menu.handle(.settings(overview(share), .boot(Typing.image("debian"), keeps: false)))
        return menu
    }

    @Test func aFolderIsSetForASystem() {
        var menu = Typing.menu()
        menu.press(.character("E"))
        _ = menu.handle(.settings(Self.overview(nil), .settings))
        for _ in 0..<4 { menu.press(.named(.tab)) }
        menu.type("src")
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("Folder must begin with / or ~/") }, "\(menu.text())")
        menu.press(.control("u"))
        menu.type("~/src, b:ro")
        var wanted = SystemSettings()
        wanted.share = "~/src, b:ro"
        #expect(
            menu.press(.named(.enter)) == [.saveSettings(Self.debian, wanted, replacing: Self.overview(nil).own)])
    }

    @Test func theFolderThatIsSetIsTakenWithoutBeingSaid() {
        var menu = Self.boot("/srv/data:ro")
        #expect(menu.text().contains { $0.contains("Folder") && $0.contains("/srv/data:ro") })
        let effects = menu.press(.named(.enter))
        #expect(effects == [.boot(Typing.image("debian"), launch: 1, BootWishes(home: ""))])
    }

    @Test func oneBootCanHaveAnotherOrNone() {
        for (typed, wish) in [("/srv/other", "/srv/other"), ("", "")] {
            var menu = Self.boot("/srv/data")
            menu.press(.named(.tab), .named(.tab), .control("u"))
            menu.type(typed)
            var wishes = BootWishes(home: "")
            wishes.share = wish
            // It is not remembered.
            #expect(menu.press(.named(.enter)) == [.boot(Typing.image("debian"), launch: 1, wishes)])
        }
    }

    @Test func aSystemThatIsNotVerifiedIsAskedAbout() {
        var menu = Self.boot("/srv/data")
        menu.press(.named(.enter))
        let question = ShareQuestion(
            folder: SharedFolder(path: "/srv/data", isReadOnly: false), catalog: "example", distribution: "debian",
            version: Typing.image("debian").version)
        _ = menu.handle(.launchAsksShare(1, question))
        #expect(menu.text().contains { $0.contains("Share a folder with debian?") }, "\(menu.text())")
        #expect(menu.text().contains { $0.contains("is not verified yet, and would get") }, "\(menu.text())")
        menu.press(.named(.right))
        var wishes = BootWishes(home: "")
        wishes.allowsShare = true
        let effects = menu.press(.named(.enter))
        #expect(effects == [.boot(Typing.image("debian"), launch: 2, wishes)], "\(effects)")
    }

    @Test func aGuestSaysWhatItSeesAndWhatIsWrongWithIt() {
        var share = SessionStatus.Share(
            path: "/home/ann/src", readOnly: true, at: "/mnt/host", kind: "virtiofs", user: "ann", state: .mounted)
        #expect(share.text == "/home/ann/src at /mnt/host, read-only, with the rights of ann")
        share.state = .failed
        #expect(share.text.contains("not to be seen in the guest"))
    }
}
