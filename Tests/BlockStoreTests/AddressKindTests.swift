import Testing

@testable import Curl

/// What counts as the internet, and what is nearer than that.
@Suite struct AddressKindTests {
    @Test(arguments: [
        ("127.0.0.1", AddressKind.machine), ("127.255.255.254", .machine), ("0.0.0.0", .machine), ("0.1.2.3", .machine),
        ("10.0.0.1", .privateNetwork), ("172.16.0.1", .privateNetwork), ("172.31.255.255", .privateNetwork),
        ("192.168.1.1", .privateNetwork), ("100.64.0.1", .privateNetwork), ("100.100.100.200", .metadata),
        ("192.0.0.192", .metadata), ("192.0.0.191", .privateNetwork), ("198.18.0.1", .privateNetwork),
        ("169.254.169.254", .metadata), ("168.63.129.16", .metadata), ("169.254.170.2", .metadata),
        ("169.254.1.1", .link), ("fd00:ec2::23", .metadata),
        ("224.0.0.1", .reserved), ("255.255.255.255", .reserved), ("240.0.0.1", .reserved),
        ("9.9.9.9", .internet), ("172.32.0.1", .internet), ("100.128.0.1", .internet), ("168.63.129.17", .internet),
        ("203.0.113.7", .internet), ("128.0.0.1", .internet), ("192.169.0.1", .internet),
        ("::1", .machine), ("::", .machine), ("::127.0.0.1", .machine), ("::ffff:127.0.0.1", .machine),
        ("::ffff:10.0.0.1", .privateNetwork), ("::ffff:9.9.9.9", .internet), ("::ffff:0:127.0.0.1", .machine),
        ("64:ff9b::127.0.0.1", .machine), ("64:ff9b::169.254.169.254", .metadata), ("64:ff9b::9.9.9.9", .internet),
        ("64:ff9b:1::9.9.9.9", .privateNetwork),
        ("2002:7f00:1::", .machine), ("2002:a00:1::1", .privateNetwork), ("2002:909:909::1", .internet),
        ("2001:0:1:2:3:4:80ff:fffe", .machine), ("2001:0:1:2:3:4:f6f6:f6f6", .internet),
        ("fe80::1", .link), ("fe80::1%eth0", .link), ("febf::1", .link),
        ("fc00::1", .privateNetwork), ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata),
        ("fd00:ec2::255", .privateNetwork), ("fec0::1", .privateNetwork),
        ("ff02::1", .reserved), ("100::1", .reserved), ("4000::1", .reserved),
        ("2001:db8::1", .internet), ("2606:4700::1111", .internet),
    ])
    func addressesAreJudgedHoweverTheyAreEmbedded(address: String, kind: AddressKind) {
        #expect(AddressKind(address) == kind)
    }

    @Test func whatIsNotAnAddressIsNone() {
        for text in ["", "example.org", "127.1", "1.2.3.4.5", "[::1]", "0x7f000001"] {
            #expect(AddressKind(text) == nil)
        }
    }

    @Test(arguments: [
        ("localhost", AddressKind.machine), ("LocalHost.", .machine), ("a.localhost", .machine),
        ("localhost.localdomain", .machine), ("127.0.0.1", .machine), ("[::1]", .machine),
        ("[fd00::1]", .privateNetwork),
        ("nas", .privateNetwork), ("nas.local", .privateNetwork), ("metadata.google.internal", .metadata),
        ("router.home.arpa", .privateNetwork), ("box.lan.", .privateNetwork),
        ("example.org", .internet), ("local.example.org", .internet), ("9.9.9.9", .internet),
    ])
    func behindAProxyNamesAreJudged(host: String, kind: AddressKind) {
        #expect(AddressKind(host: host) == kind)
    }

    @Test func aNameThatOnlyAResolverUnderstandsIsNotJudged() {
        // Full-width digits become 127.0.0.1 on their way.
        for host in ["１２７.0.0.1", "", "a..b"] { #expect(AddressKind(host: host) == nil, "\(host)") }
    }

    @Test func aKindLeadsToItselfAndToTheInternet() {
        for kind in AddressKind.allCases {
            for own in AddressKind.allCases {
                let isAllowed = kind == .internet || kind == own && own != .reserved && own != .metadata
                #expect(TransferReach.named(by: own).allows(kind) == isAllowed, "\(own) to \(kind)")
            }
            #expect(TransferReach.written.allows(kind))
        }
    }

    @Test func anAddressThatIsAllowedCountsBesideOneThatIsNot() {
        for kinds in [[AddressKind.privateNetwork, .internet], [.internet, .privateNetwork]] {
            var judge = ConnectionJudge(.named(by: .internet))
            _ = judge.begin("http://example.org/", proxy: nil)
            for kind in kinds {
                let isAllowed = judge.allows(kind, "an address")
                #expect(isAllowed == (kind == .internet))
            }
            #expect(judge.refusal == nil, "the connection that failed is what went wrong")
            // A connection that somebody else made is refused all the same.
            let isAsked = judge.connected(to: "10.0.0.1")
            #expect(!isAsked && judge.refusal != nil)
            _ = judge.begin("http://example.org/", proxy: nil)
            _ = judge.allows(.privateNetwork, "an address")
            #expect(judge.refusal != nil)
        }
    }

    /// http to https on one name is the same server, also where that is this machine.
    @Test func aServerLeadsToItselfByHTTPS() {
        for reach in [TransferReach.written, .named(by: .machine), .named(by: .privateNetwork)] {
            let kind = reach == .named(by: .privateNetwork) ? AddressKind.privateNetwork : .machine
            for (url, next) in [
                ("http://nas/a", "https://nas/a"), ("http://NAS:80/a", "https://nas:443/a"),
                ("http://127.0.0.1/", "https://127.0.0.1/"),
            ] {
                var judge = ConnectionJudge(reach)
                #expect(judge.begin(url, proxy: nil) == nil)
                let address = kind == .machine ? "127.0.1.1" : "192.168.1.5"
                let isAsked = judge.allows(kind, address) && judge.connected(to: address)
                judge.follow(from: url, to: next)
                #expect(judge.begin(next, proxy: nil) == nil)
                let isAskedAgain = judge.allows(kind, address) && judge.connected(to: address)
                #expect(isAsked && isAskedAgain && judge.refusal == nil, "\(url) to \(next)")
                // Another port is another service.
                judge.follow(from: next, to: "https://nas:8443/")
                let isElsewhere = judge.allows(kind, address)
                #expect(isElsewhere == (kind != .machine))
            }
        }
    }

    // MARK: Proxies

    private func proxy(_ url: String, _ environment: [String: String]) -> String? {
        ProxyChoice.proxy(for: url) { environment[$0] }
    }

    @Test func theEnvironmentsProxyIsChosenAsLibcurlDoes() {
        let all = ["http_proxy": "h", "https_proxy": "s", "all_proxy": "a", "HTTP_PROXY": "wrong"]
        #expect(proxy("http://x.org/", all) == "h")
        #expect(proxy("https://x.org/", all) == "s")
        #expect(proxy("http://x.org/", ["HTTP_PROXY": "wrong"]) == nil)
        #expect(proxy("https://x.org/", ["HTTPS_PROXY": "s"]) == "s")
        #expect(proxy("http://x.org/", ["ALL_PROXY": "a"]) == "a")
        #expect(proxy("http://x.org/", [:]) == nil)
    }

    @Test(arguments: [
        ("http://x.org/", "*", true), ("http://x.org/", "x.org", true), ("http://a.x.org/", "x.org", true),
        ("http://a.x.org/", ".x.org", true), ("http://x.org./", "y.org, X.ORG", true),
        ("http://ax.org/", "x.org", false),
        ("http://x.org/", "y.org z.org", false), ("http://10.1.2.3/", "10.0.0.0/8", true),
        ("http://10.1.2.3/", "10.1.2.3", true), ("http://10.1.2.3/", "11.0.0.0/8", false),
        ("http://[fd00::1]/", "fd00::/8", true),
        ("http://[fd00::1]/", "10.0.0.0/8", false), ("http://x.org/", "", false),
    ])
    func exceptionsOfTheEnvironmentCount(url: String, list: String, isDirect: Bool) {
        #expect((proxy(url, ["http_proxy": "p", "no_proxy": list]) == nil) == isDirect)
    }

    @Test func throughAProxyNoNearServerIsNamed() {
        func refusal(_ url: String, _ reach: TransferReach) -> String? {
            var judge = ConnectionJudge(reach)
            return judge.begin(url, proxy: "http://proxy:3128")
        }
        for url in [
            "http://127.0.0.1/", "http://2130706433/", "http://nas/", "http://a.local/", "http://169.254.169.254/",
        ] {
            #expect(refusal(url, .named(by: .internet)) != nil, "\(url)")
        }
        #expect(refusal("http://example.org/", .named(by: .internet)) == nil)
        // What the user wrote is the proxy's to find.
        #expect(refusal("http://nas/", .written) == nil)
        // The proxy itself is the user's.
        var judge = ConnectionJudge(.named(by: .internet))
        let reason = judge.begin("http://example.org/", proxy: "http://proxy:3128")
        let isAllowed = judge.connected(to: "10.0.0.1")
        #expect(reason == nil && isAllowed)
    }
}
