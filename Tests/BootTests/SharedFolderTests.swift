import Glibc
import GuestNetwork
import Linux
import TestSupport
import Testing

@testable import Boot

/// Which folder a user means, who may share it, and when a guest gets it.
@Suite struct SharedFolderTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory(mode: 0o755)
        try folder.makeFolder("state")
        // The folder's owner decides who serves it where root asks.
        if CurrentUser.isRoot { try Paths.setOwner(folder.path, 61_500, 61_500) }
    }

    // MARK: Names

    @Test func aFolderIsNamedWithOrWithoutTheRightToWrite() throws {
        for (text, path, isReadOnly) in [
            ("/srv/a b", "/srv/a b", false), ("/srv/a, b=c:ro", "/srv/a, b=c", true),
            ("/srv/x:ro/", "/srv/x:ro/", false),
            ("~", Environment.home, false), ("~/src:ro", Environment.home + "/src", true),
            ("/srv/..x", "/srv/..x", false),
        ] {
            let shared = try SharedFolder(argument: text)
            #expect(shared.path == path && shared.isReadOnly == isReadOnly, "\(text)")
            #expect(try SharedFolder(argument: shared.text) == shared)
        }
        #expect(try SharedFolder(argument: "here").path.hasSuffix("/here"))
        // One whose name ends so can be meant.
        #expect(SharedFolder(path: "/srv/x:ro", isReadOnly: false).text == "/srv/x:ro/")
    }

    @Test func aNameWithControlCharactersIsNone() {
        for text in ["", ":ro", "/a\nb", "/a\u{1B}[2J", "/a\u{7F}", "/a\u{9B}b", "/a\u{2028}b", "/a\u{FFFE}"] {
            #expect(SharedFolder.fault(of: text) != nil, "\(text.debugDescription)")
            #expect(throws: ShareError.self) { try SharedFolder(argument: text) }
        }
        #expect(SharedFolder.fault(of: String(repeating: "x", count: 5000)) != nil)
        // A setting has no current folder.
        #expect(SharedFolder.fault(of: "src") == nil && SharedFolder.fault(ofSetting: "src") != nil)
    }

    // MARK: What is there

    private func source(
        _ path: String, isReadOnly: Bool = true, isRoot: Bool = CurrentUser.isRoot,
        home: String? = nil, _ environment: [String: String] = [:]
    ) throws(ShareError) -> ShareSource {
        try ShareSource(
            SharedFolder(path: path, isReadOnly: isReadOnly), own: [folder.path("state")], isRoot: isRoot,
            home: home ?? Environment.home, variable: { environment[$0] })
    }

    @Test func aLinkIsFollowedOnceAndWhatItLeadsToIsShown() throws {
        try folder.makeFolder("real")
        try Paths.makeLink(folder.path("link"), to: "real")
        #expect(try source(folder.path("link")).path == folder.path("real"))
        #expect(try source("\(folder.path("real"))/../real/.").path == folder.path("real"))
    }

    @Test(arguments: ["/", "/proc", "/sys/kernel", "/dev"])
    func allOfTheMachineAndTheKernelsFoldersAreRefused(_ target: String) throws {
        try Paths.makeLink(folder.path("link"), to: target)
        let error = #expect(throws: ShareError.self) { try source(folder.path("link")) }
        guard case .refused(target, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func theProgramsOwnFoldersAreRefused() throws {
        try folder.makeFolder("state/overlays")
        let error = #expect(throws: ShareError.self) { try source(folder.path("state/overlays")) }
        guard case .refused = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // So is one above, unless the home is in it as well.
        #expect(throws: ShareError.self) { try source(folder.path) }
        for home in [folder.path, folder.path("home")] {
            #expect(try source(folder.path, home: home).path == folder.path)
        }
        #expect(throws: ShareError.self) { try source(folder.path("state"), home: folder.path) }
    }

    @Test func aFolderThatIsReplacedAfterItWasLookedUpIsRefused() throws {
        func isRefused(_ source: ShareSource) -> Bool {
            do throws(ShareError) { try source.checkIsSame() } catch {
                guard case .refused = error else { return false }
                return true
            }
            return false
        }
        let path = try folder.makeFolder("real")
        let elsewhere = try folder.makeFolder("elsewhere")
        if CurrentUser.isRoot { for name in [path, elsewhere] { try Paths.setOwner(name, 61_500, 61_500) } }
        let found = try source(path)
        #expect(!isRefused(found))
        // By a link to another one, by nothing, and by a new one.
        #expect(rename(path, folder.path("moved")) == 0)
        try Paths.makeLink(path, to: elsewhere)
        #expect(isRefused(found))
        // By a link to itself, too: it leads elsewhere in a moment.
        try Paths.remove(path)
        try Paths.makeLink(path, to: folder.path("moved"))
        #expect(isRefused(found))
        try Paths.remove(path)
        #expect(isRefused(found))
        try folder.makeFolder("real")
        #expect(isRefused(found))
        try Folder.removeTree(path)
        #expect(rename(folder.path("moved"), path) == 0)
        #expect(!isRefused(found))
    }

    @Test func aNameThatALinkHidesIsLookedAtToo() throws {
        try folder.makeFolder("a\nb")
        try Paths.makeLink(folder.path("link"), to: "a\nb")
        #expect(throws: ShareError.self) { try source(folder.path("link")) }
    }

    @Test func whatIsNotThereOrNoFolderIsSaid() throws {
        try folder.write([], to: "file")
        let missing = #expect(throws: ShareError.self) { try source(folder.path("none")) }
        guard case .noSuchFolder(folder.path("none")) = missing else {
            Issue.record("\(String(describing: missing))")
            return
        }
        for path in ["file", "file/below"] {
            let error = #expect(throws: ShareError.self) { try source(folder.path(path)) }
            guard case .notAFolder(folder.path(path)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    // MARK: Whose rights

    @Test func aUsersOwnSessionServesItAsItself() throws {
        #expect(try source(folder.path, isRoot: false, home: folder.path).user == nil)
    }

    @Test(.enabled(if: CurrentUser.isRoot, "NOT TESTED: needs root"))
    func rootsSessionServesItAsWhoeverAskedAndNeverAsRoot() throws {
        let other = try #require(UserDatabase.user(named: "nobody"))
        // Who became root asked.
        let asked = try source(folder.path, home: folder.path, ["SUDO_UID": "\(other.id)"])
        #expect(asked.user == FolderServer.User(other))
        #expect(try source(folder.path, home: folder.path, ["DOAS_USER": "nobody"]).user?.uid == other.id)
        // Else whose the folder is.
        for environment in [[:], ["SUDO_UID": "0"], ["SUDO_UID": "x"], ["DOAS_USER": "root"]] {
            #expect(try source(folder.path, home: folder.path, environment).user?.uid == 61_500)
        }
        // Else somebody without rights of their own.
        try Paths.setOwner(folder.path, 0, 0)
        let user = try #require(try source(folder.path, home: folder.path).user)
        #expect(user.uid != 0 && user.gid != 0)
    }

    @Test(.enabled(if: CurrentUser.isRoot, "NOT TESTED: needs root"))
    func whatThatUserMayNotDoIsRefused() throws {
        func refusal(_ path: String, isReadOnly: Bool) -> Bool? {
            do {
                _ = try source(path, isReadOnly: isReadOnly)
                return nil
            } catch {
                guard case .noPermission(_, _, let toWrite) = error else { return nil }
                return toWrite
            }
        }
        let path = try folder.makeFolder("theirs")
        try Paths.setOwner(path, 61_501, 61_501)
        #expect(refusal(path, isReadOnly: false) == nil)
        try Paths.setPermissions(path, 0o500)
        #expect(refusal(path, isReadOnly: false) == true)
        #expect(refusal(path, isReadOnly: true) == nil)
        try Paths.setPermissions(path, 0o300)
        #expect(refusal(path, isReadOnly: true) == false)
        // Nor what lies behind a door that is closed to that user.
        try Paths.setPermissions(path, 0o700)
        try Paths.setPermissions(folder.path, 0o700)
        #expect(refusal(path, isReadOnly: true) == false)
    }

    // MARK: Without a network

    @Test func aGuestWithoutANetworkGetsNoFolderUnlessBothAreSaidTogether() throws {
        func choice(
            asked: String? = nil, own: String? = nil, _ network: String, isAsked: Bool = false, isOwn: Bool = false
        ) throws(ShareError) -> ShareChoice {
            try ShareChoice(asked: asked, own: own, network: network, isNetworkAsked: isAsked, isNetworkOwn: isOwn)
        }
        let (a, b) = (SharedFolder(path: "/a", isReadOnly: false), SharedFolder(path: "/b", isReadOnly: true))
        #expect(try choice("user") == .none)
        #expect(try choice(asked: "/a", own: "/b:ro", "user") == .share(a))
        #expect(try choice(own: "/b:ro", "lan", isAsked: true) == .share(b))
        // The line wins, also with none.
        #expect(try choice(asked: "", own: "/b:ro", "user") == .none)
        #expect(try choice(asked: "/a", "none", isAsked: true) == .share(a))
        #expect(throws: ShareError.self) { try choice(asked: "/a", "none") }
        #expect(throws: ShareError.self) { try choice(asked: "/a", "none", isOwn: true) }
        #expect(try choice(own: "/b:ro", "none", isOwn: true) == .share(b))
        #expect(try choice(own: "/b:ro", "none", isAsked: true, isOwn: true) == .withheld(b))
        #expect(try choice(own: "/b:ro", "none") == .withheld(b))
    }
}
