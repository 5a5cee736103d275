import Catalog
import Curl
import Linux
import TestSupport
import Testing

@testable import Vendors

/// What becomes of a listing over time, and of bad ones.
@Suite struct RefreshTests {
    private func site() throws -> VendorSite {
        let site = try VendorSite()
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"{date}{serial}\"\nimage = \"{entry}/os.img\"")
        return site
    }

    @Test func aListingIsAskedForOnceADayAndNotSentTwice() async throws {
        let site = try VendorSite()
        site.offer("listing = \"text-list\"\nupstream = \"\(site.pub)list\"\nentry = \"os-{date}.img\"")
        try site.put("list", "os-20260911.img\n")
        try Paths.setTimes(site.folder.path("pub/list"), seconds: 1_790_000_000)
        let library = site.library()
        #expect(try await library.refresh("os").versions.count == 1)
        _ = try await library.refresh("os")
        #expect(site.server.requests().count == 1)
        // Of the same length and time: only a server that was not asked for the bytes gives the old answer.
        try site.put("list", "os-20200101.img\n")
        try Paths.setTimes(site.folder.path("pub/list"), seconds: 1_790_000_000)
        #expect(try await site.builds(site.library()) == ["20260911"])
        #expect(site.server.requests().count == 2)
        try Paths.setTimes(site.folder.path("pub/list"), seconds: 1_790_000_001)
        #expect(try await site.builds() == ["20200101"])
    }

    @Test func namesOfVersionsStayWhenTheListGrows() async throws {
        let site = try site()
        try site.put("d/20260911.2/os.img", "x")
        #expect(try await site.library().refresh("os").versions.map(\.id.text) == ["2026-09-11.2"])
        for name in ["20260911", "20260911.1", "20260912"] { try site.put("d/\(name)/os.img", "x") }
        let grown = try await site.library().refresh("os", evenIfFresh: true)
        #expect(grown.versions.map(\.id.text) == ["2026-09-12", "2026-09-11.2", "2026-09-11.1", "2026-09-11"])
        // Deleted by its vendor, and nothing of it here: gone, but nothing else ever gets its name.
        try site.remove("d/20260912")
        #expect(try await site.builds() == ["20260911.2", "20260911.1", "20260911"])
    }

    @Test func numbersOfADayAreGivenOnce() async throws {
        let site = try VendorSite()
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"{date}-{number}\"\nimage = \"{entry}/os.img\"")
        try site.put("d/20260911-20/os.img", "x")
        #expect(try await site.library().refresh("os").versions.map(\.id.text) == ["2026-09-11"])
        try site.put("d/20260911-10/os.img", "x")
        let grown = try await site.library().refresh("os", evenIfFresh: true)
        #expect(
            grown.versions.map { "\($0.id) \($0.source?.build ?? "")" } == [
                "2026-09-11.1 20260911-10", "2026-09-11 20260911-20",
            ])
    }

    @Test func aFailureThatPassesKeepsWhatIsKnown() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(Array("os-20260911.img\n".utf8), to: "list")
        let server = try FaultyHTTPServer(folder: folder.path)
        let site = try VendorSite()
        site.offer("listing = \"text-list\"\nupstream = \"\(server.url)list\"\nentry = \"os-{date}.img\"")
        #expect(try await site.builds() == ["20260911"])
        server.always("/list", .status(503))
        let library = site.library()
        #expect(try await site.builds(library) == ["20260911"])
        #expect(library.fault(of: "os")?.isTransient == true)
        // Three in a run, and the server is left alone.
        for _ in 0..<2 { _ = try await site.builds(library) }
        let before = server.requests.count
        #expect(try await site.builds(library) == ["20260911"])
        #expect(server.requests.count == before)
        server.always("/list", .statusRetry(429, afterSeconds: 100))
        let other = site.library()
        _ = try await site.builds(other)
        let asked = server.requests.count
        _ = try await site.builds(other)
        #expect(server.requests.count == asked)
        server.stop()
        #expect(try await site.builds(site.library()) == ["20260911"])
    }

    @Test(arguments: [
        ("<html><body>Sign in</body></html>", "web page"), ("{\"products\": {}}", "no product"), ("[1, 2", "not JSON"),
        ("{\"products\": {\"p\": {\"versions\": {}}}}", "nothing in it has the form"),
        (
            "{\"products\": {\"p\": {\"versions\": {\"20260101\": {\"items\": {\"i\": {\"path\": \"http://10.0.0.1/x\"}}}}}}}",
            "other servers"
        ),
    ])
    func whatIsNoListIsToldAndReplacesNothing(_ text: String, _ message: String) async throws {
        let site = try VendorSite()
        site.offer(
            "listing = \"simplestreams\"\nupstream = \"\(site.pub)streams/l.json\"\nproduct = \"p\"\nitem = \"i\"")
        let good =
            "{\"products\": {\"p\": {\"versions\": {\"20260101\": {\"items\": {\"i\": {\"path\": \"x/y.img\"}}}}}}}"
        try site.put("streams/l.json", good)
        #expect(try await site.builds() == ["20260101"])
        try site.put("streams/l.json", text)
        let library = site.library()
        let error = await #expect(throws: VendorsError.self) { _ = try await library.refresh("os", evenIfFresh: true) }
        #expect(
            error?.isTransient == false && error.map(reason)?.contains(message) == true, "\(error.map(reason) ?? "")")
        #expect(library.copy().document?.distributions.first?.versions.count == 1)
        #expect(library.fault(of: "os") == error)
    }

    @Test func endlessAndLongListsAreBrokenOff() async throws {
        let folder = try TemporaryDirectory()
        try folder.write([UInt8](repeating: 32, count: 100_000_000), to: "long")
        try folder.write([], to: "endless")
        let server = try FaultyHTTPServer(folder: folder.path)
        server.always("/endless", .endless)
        for name in ["long", "endless"] {
            let site = try VendorSite()
            site.offer("listing = \"text-list\"\nupstream = \"\(server.url)\(name)\"\nentry = \"os-{date}.img\"")
            let error = await #expect(throws: VendorsError.self) { _ = try await site.builds() }
            #expect(error.map(reason)?.contains("more than 33554432 bytes") == true, "\(error.map(reason) ?? "")")
        }
    }

    @Test func namesThatLeadOutOfTheFolderAreNone() async throws {
        let site = try VendorSite()
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"os-{date}{word}.img\"")
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"os-{date}.img\"", id: "page")
        try site.put(
            "d/index.html",
            "<a href='os-20260101.img'>x</a><a href='../os-20260102.img'>x</a><a href='os-20260103%2f.img'>x</a>"
                + "<a href='http://other.example/d/os-20260104.img'>x</a><a href='os-20260105.img%0a'>x</a>")
        #expect(try await site.builds(id: "page") == ["20260101"])
        await #expect(throws: VendorsError.self) { _ = try await site.builds() }
    }

    @Test func aSystemThatIsNotThereHasNeighbours() async throws {
        let site = try site()
        let error = await #expect(throws: VendorsError.self) { _ = try await site.library().refresh("os1") }
        #expect(error == .noSuchSystem("os1", near: ["os"]))
    }

    @Test func aRowThatChangesKeepsWhatItsBuildsAreCalled() async throws {
        let site = try VendorSite()
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"{date}-{number}\"\nimage = \"{entry}/os.img\"")
        try site.put("d/20260911-20/os.img", [UInt8](repeating: 1, count: 400_000))
        let library = site.library()
        #expect(try await site.builds(library) == ["20260911-20"])
        let pinned = try await library.pin(site.choose(library))
        try site.put("d/20260911-10/os.img", "x")
        try site.remove("d/20260911-20")
        let other = VendorSite(sharing: site)
        other.offer(
            "upstream = \"\(site.pub)d/\"\nentry = \"{date}-{number}\"\nimage = \"{entry}/os.img\"\nbuilds = 5\nbuild = \"b{1}-{2}\""
        )
        // Known before anybody is asked, and asked about although it is fresh.
        #expect(other.library().known("os")?.versions.map(\.id.text) == ["2026-09-11"])
        let known = try await other.library().refresh("os")
        #expect(
            known.versions.map { "\($0.id) \($0.source?.build ?? "")" } == [
                "2026-09-11.1 b20260911-10", "2026-09-11 20260911-20",
            ])
        #expect(other.library().departed("os") == [pinned.version])
        #expect(other.library().pinned("os", pinned.version) != nil)
    }

    @Test func aBuildThatIsCalledAnotherNameIsTheSameVersion() async throws {
        let site = try VendorSite()
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"os-{number}.img\"")
        try site.put("d/os-7.img", "x")
        try Paths.setTimes(site.folder.path("pub/d/os-7.img"), seconds: 1_790_000_000)
        #expect(try await site.builds() == ["7"])
        let other = VendorSite(sharing: site)
        other.offer("upstream = \"\(site.pub)d/\"\nentry = \"os-{number}.img\"\nbuild = \"v{1}\"")
        let known = try await other.library().refresh("os")
        #expect(known.versions.map { "\($0.id) \($0.source?.build ?? "")" } == ["2026-09-21 v7"])
    }

    @Test func aListIsKeptOnceAndReadByEachRowInItsOwnWay() async throws {
        let site = try VendorSite()
        site.offer("listing = \"text-list\"\nupstream = \"\(site.pub)list\"\nentry = \"os-{date}.img\"")
        site.offer("listing = \"text-list\"\nupstream = \"\(site.pub)list\"\nentry = \"tiny-{date}.img\"", id: "tiny")
        try site.put("list", "os-20260911.img\ntiny-20260912.img\n")
        try Paths.setTimes(site.folder.path("pub/list"), seconds: 1_790_000_000)
        let library = site.library()
        #expect(try await library.refresh("os").versions.map(\.id.text) == ["2026-09-11"])
        #expect(try await library.refresh("tiny").versions.map(\.id.text) == ["2026-09-12"])
        #expect(site.server.requests().count == 1)
        // Another pattern reads the same bytes. These are not sent again: of the same length and time, they count as unchanged.
        try site.put("list", "os-20260911.img\ntiny-20260913.img\n")
        try Paths.setTimes(site.folder.path("pub/list"), seconds: 1_790_000_000)
        let other = VendorSite(sharing: site)
        other.offer("listing = \"text-list\"\nupstream = \"\(site.pub)list\"\nentry = \"tiny-{date}.img\"")
        #expect(try await other.builds() == ["20260912"])
        // The server writes a request down when it has been answered.
        #expect(await eventually { site.server.requests().count == 2 })
    }

    @Test func aPlaceThatDoesNotAnswerTakesNothingAway() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(Array("os-20260911.img\n".utf8), to: "new")
        try folder.write(Array("os-20200101.img\n".utf8), to: "old")
        let server = try FaultyHTTPServer(folder: folder.path)
        let site = try VendorSite()
        site.offer(
            "listing = \"text-list\"\nupstream = [\"\(server.url)old\", \"\(server.url)new\"]\nentry = \"os-{date}.img\""
        )
        server.always("/old", .status(503))
        #expect(try await site.builds() == ["20260911"])
        #expect(site.library().fault(of: "os")?.isTransient == true)
        server.always("/old", .replaced(Array("os-20200101.img\n".utf8)))
        #expect(try await site.builds() == ["20260911", "20200101"])
        #expect(site.library().fault(of: "os") == nil)
        server.always("/old", .status(503))
        let library = site.library()
        #expect(try await site.builds(library) == ["20260911", "20200101"])
        #expect(library.departed("os").isEmpty)
        server.always("/new", .status(503))
        #expect(try await site.builds() == ["20260911", "20200101"])
    }

    @Test func buildsOfAServerThatNoLongerCountsAreNotOffered() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(Array("os-20260911.img\n".utf8), to: "list")
        let server = try FaultyHTTPServer(folder: folder.path)
        let site = try VendorSite()
        let list = "listing = \"text-list\"\nentry = \"os-{date}.img\"\n"
        site.offer("\(list)upstream = [\"\(server.url)list\", \"\(site.pub)list\"]")
        try site.put("list", "os-20260912.img\n")
        #expect(try await site.builds() == ["20260912", "20260911"])
        // Its maker has moved, and the other server is somebody else's by now.
        let moved = VendorSite(sharing: site)
        moved.offer("\(list)upstream = \"\(site.pub)list\"")
        let library = moved.library()
        #expect(library.known("os")?.versions.map(\.id.text) == ["2026-09-12"])
        let gone = VendorSite(sharing: site)
        gone.offer("\(list)upstream = \"https://new.example.org/list\"")
        #expect(gone.library().known("os")?.versions.isEmpty == true)
        // What only the pattern changes of is still known.
        let same = VendorSite(sharing: site)
        same.offer("\(list)build = \"{date}\"\nupstream = [\"\(server.url)list\", \"\(site.pub)list\"]")
        #expect(same.library().known("os")?.versions.count == 2)
    }
}
