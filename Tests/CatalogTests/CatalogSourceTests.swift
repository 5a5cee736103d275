import Curl
import Testing

@testable import Catalog

@Suite struct CatalogSourceTests {
    @Test(arguments: [
        ("https://example.org/os", "https://example.org/os/"), ("https://example.org/os/", "https://example.org/os/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"), ("file:///srv/tree", "file:///srv/tree/"),
        ("/srv/tree", "file:///srv/tree/"), ("/", "file:///"), ("/srv/100%41", "file:///srv/100%2541/"),
        ("file:///srv/a%20b/", "file:///srv/a%20b/"), ("FILE:///srv/", "file:///srv/"),
        ("HTTPS://Example.org/A/", "https://Example.org/A/"), ("http://é.org/é%20", "http://é.org/%C3%A9%20/"),
        ("/media/My Stick/", "file:///media/My%20Stick/"),
        ("/srv/a?b", "file:///srv/a%3Fb/"), ("/srv/a#b&c+d@e", "file:///srv/a%23b%26c%2Bd%40e/"),
        ("/srv/é\n[x]'", "file:///srv/%C3%A9%0A%5Bx%5D%27/"),
        ("https://example.org:443/os//", "https://example.org:443/os//"),
    ])
    func theBaseEndsWithASlash(location: String, url: String) throws {
        #expect(try CatalogSource(name: "x", location: location).url == url)
    }

    @Test(arguments: [
        "", "srv/tree", "./tree", "ftp://example.org/", "ssh://example.org/", "javascript:alert(1)", "httpss://x/",
        "http:/example.org", "http:example.org", "://x", "http://exa mple.org/", "http://x/\n", "/srv/\0",
        "/srv/\u{FFFD}",
        "http://x/\u{7f}", "http://x/\0", "http://x/?a=b", "http://x/#a",
    ])
    func otherLocationsAreRefused(location: String) {
        let error = #expect(throws: CatalogAccessError.self) { try CatalogSource(name: "x", location: location) }
        guard case .invalidLocation(location, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func namesAreShortAndPlain() throws {
        for good in ["a", "0", "os-circular", "a.b_c", String(repeating: "a", count: 64)] {
            #expect(try CatalogSource(name: good, location: "/x").name == good)
        }
        for bad in ["", ".", "..", "-a", "_a", "A", "a b", "a/b", "ä", "a\n", String(repeating: "a", count: 65)] {
            let error = #expect(throws: CatalogAccessError.self) { try CatalogSource(name: bad, location: "/x") }
            guard case .invalidName(bad) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    // MARK: Mirrors

    @Test func sixteenMirrorsAreAskedAndTheUsersOwnCount() throws {
        var source = try CatalogSource(name: "x", location: "https://example.org/os")
        let named = (0..<10_000).map { "https://m\($0).example.org/" }
        #expect(source.places(named).map(\.url) == ["https://example.org/os/"] + named.prefix(16))
        #expect(source.publishersPlaces(named).count == 17)
        source.mirrors = ["file:///media/stick/", "https://near.example.org/"]
        #expect(
            source.places(named).map(\.url)
                == ["file:///media/stick/", "https://example.org/os/", "https://near.example.org/"] + named.prefix(14))
        source.mirrors = (0..<20).map { "https://own\($0).example.org/" }
        #expect(source.places(named).count == 21)
    }

    @Test func aMirrorIsAPlainAddress() throws {
        let source = try CatalogSource(name: "x", location: "https://example.org/os")
        let bad = [
            "http://admin:admin@example.net/", "http://user@example.net/", "http://example.net/cgi?now=1&x=",
            "http://example.net/#a", "file:///etc/",
        ]
        #expect(source.places(bad).map(\.url) == ["https://example.org/os/"])
        #expect(source.publishersPlaces(bad).count == 1)
        #expect(source.places(["http://example.net/a@b"]).last?.url == "http://example.net/a@b/")
    }

    @Test func whatThePublisherNamesLeadsNoFurtherIntoTheUsersNetworksThanTheTreeItself() throws {
        let mirror = "http://10.0.0.1/"
        func reach(_ location: String, _ kind: AddressKind? = nil, mirror: String = mirror) throws -> TransferReach? {
            var source = try CatalogSource(name: "x", location: location)
            source.kind = kind
            return source.places([mirror]).first { $0.url == mirror }?.reach
        }
        #expect(try reach("https://example.org/") == .named(by: .internet))
        #expect(try reach("https://example.org/", .privateNetwork) == .named(by: .privateNetwork))
        #expect(try reach("http://192.168.0.9/") == .named(by: .privateNetwork))
        #expect(try reach("http://nas/") == .named(by: .privateNetwork))
        #expect(try reach("http://127.0.0.1:80/") == .named(by: .machine))
        #expect(try reach("/srv/tree") == .named(by: .internet))
        #expect(try reach("/srv/tree", mirror: "file:///media/os/") == .named(by: .machine))
        // The user named this server himself.
        #expect(try reach("http://10.0.0.1/os/", .internet) == .written)
        #expect(try CatalogSource(name: "x", location: "http://a.org/").places([]).map(\.reach) == [.written])
    }

    @Test(arguments: [
        "/srv/tree", "file:///srv/tree", "file://localhost/srv", "http://127.0.0.1/", "http://127.0.0.1:8080/os",
        "http://127.255.0.9/", "https://127.0.0.1/", "http://localhost/", "http://LocalHost:81/", "http://[::1]/",
        "http://[::1]:8080/os/", "http://user:word@127.0.0.1/", "http://a@b@localhost:1/",
    ])
    func treesOfThisMachineArePrivate(location: String) throws {
        #expect(try CatalogSource(name: "x", location: location).isPrivate)
    }

    @Test(arguments: [
        "http://example.org/", "http://128.0.0.1/", "http://127.0.0.1.evil.org/", "http://127.evil.org/",
        "http://user@127.0.0.1@evil.org/", "http://127.0.0.1@evil.org/", "http://localhost:80@evil.org/",
        "http://localhost.evil.org/", "http://notlocalhost/", "http://evil.org/127.0.0.1/",
        "http://evil.org/@localhost/",
        "file://host/srv", "file://evil.org/localhost", "http://[::2]/", "http://[::1].evil.org/", "http://[::1]x/",
        "http://[fe80::1]/", "http://127.0.0.256/", "http://127.0.0/", "http://127.0.0.0.1/", "http://127.+0.0.1/",
        "http://0x7f.0.0.1/", "http://1.127.0.0/", "http://127.0.0.1%2eevil.org/", "http:///srv/",
    ])
    func everythingElseIsNotPrivate(location: String) throws {
        #expect(try !CatalogSource(name: "x", location: location).isPrivate)
    }
}
