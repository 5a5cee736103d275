import Catalog
import Testing

@Suite struct VersionNameTests {
    private struct Broken: Error {}

    private func version(_ id: String) throws -> DistributionVersion {
        DistributionVersion(
            id: try #require(VersionID(id)), published: Timestamp(seconds: 0), index: "x/\(id).caibx", size: 1)
    }

    /// - Parameter contents: versions by distribution; nil where the catalog cannot be read.
    private func copy(_ name: String, _ contents: [String: [String]]?, error: (any Error)? = nil) throws -> CatalogCopy
    {
        let document = try contents.map { contents in
            CatalogDocument(
                name: name, updated: Timestamp(seconds: 0),
                distributions: try contents.sorted { $0.key < $1.key }.map {
                    Distribution(id: $0.key, versions: try $0.value.map(version))
                })
        }
        return CatalogCopy(
            source: try CatalogSource(name: name, location: "/\(name)"),
            state: document == nil ? .unreachable : .fresh, document: document, error: error)
    }

    private func choose(_ text: String, _ copies: [CatalogCopy]) throws -> String {
        let chosen = try #require(VersionName(text)).choose(from: copies)
        return "\(chosen.source.name)/\(chosen.distribution.id)@\(chosen.version.id)"
    }

    private func refusal(_ text: String, _ copies: [CatalogCopy]) -> CatalogAccessError? {
        #expect(throws: CatalogAccessError.self) { try choose(text, copies) }
    }

    // MARK: Parsing

    @Test(
        arguments: [
            ("debian", nil, "debian", nil), ("debian@2026-11-16", nil, "debian", "2026-11-16"),
            ("os/debian", "os", "debian", nil), ("os/debian@2026-11-16.1", "os", "debian", "2026-11-16.1"),
            ("debian@a@b", nil, "debian", "a@b"),
        ] as [(String, String?, String, String?)])
    func splitsCatalogDistributionAndVersion(text: String, catalog: String?, distribution: String, version: String?) {
        let name = VersionName(text)
        #expect(name?.distribution == distribution)
        #expect(name?.catalog == catalog)
        #expect(name?.version == version)
    }

    @Test(arguments: ["", "@", "/", "@2026-11-16", "debian@", "/debian", "os/", "os/@2026-11-16", "a/b/c", "a//b"])
    func emptyOrSurplusPartsAreRefused(text: String) { #expect(VersionName(text) == nil) }

    // MARK: Choosing

    @Test func withoutAVersionTheNewestIsChosen() throws {
        let copies = [try copy("os", ["debian": ["2026-11-09", "2026-11-16.2", "2026-11-16.10", "2025-12-31"]])]
        #expect(try choose("debian", copies) == "os/debian@2026-11-16.10")
        #expect(try choose("debian@2025-12-31", copies) == "os/debian@2025-12-31")
    }

    @Test func aNamedCatalogDecidesWhereSeveralHaveIt() throws {
        let copies = [
            try copy("a", ["debian": ["2026-11-09"]]),
            try copy("b", ["debian": ["2026-11-16"], "arch": ["2026-01-01"]]),
        ]
        #expect(try choose("a/debian", copies) == "a/debian@2026-11-09")
        #expect(try choose("b/debian", copies) == "b/debian@2026-11-16")
        #expect(try choose("arch", copies) == "b/arch@2026-01-01")
        guard case .ambiguous("debian", ["a", "b"]) = refusal("debian", copies) else {
            Issue.record("not ambiguous")
            return
        }
    }

    /// - Parameter builds: a version and its vendor's name for it, by system.
    private func vendors(_ builds: [String: [(String, String)]], aliases: [String: String] = [:]) throws -> CatalogCopy
    {
        let distributions = try builds.sorted { $0.key < $1.key }.map { id, builds in
            Distribution(
                id: id,
                versions: try builds.map { day, build in
                    var version = try version(day)
                    version.source = VersionSource(
                        urls: ["https://example.org/\(id)-\(build).img"], format: .qcow2, trust: .whole, build: build)
                    return version
                })
        }
        var copy = CatalogCopy(
            source: .vendors, state: .fresh,
            document: CatalogDocument(
                name: "vendors", updated: Timestamp(seconds: 0), distributions: distributions))
        copy.aliases = aliases
        return copy
    }

    @Test func aVendorsSystemIsMeantWhereNoCatalogHasIt() throws {
        let vendors = try vendors(
            [
                "debian": [("2026-11-20", "20261120-1")],
                "ubuntu-24.04": [("2026-09-11", "20260911"), ("2026-08-01", "20260801")],
            ], aliases: ["ubuntu": "ubuntu-24.04"])
        let copies = [try copy("os", ["debian": ["2026-11-16"]]), vendors]
        #expect(try choose("debian", copies) == "os/debian@2026-11-16")
        #expect(try choose("vendors/debian", copies) == "vendors/debian@2026-11-20")
        #expect(try choose("ubuntu-24.04", copies) == "vendors/ubuntu-24.04@2026-09-11")
        #expect(try choose("ubuntu", copies) == "vendors/ubuntu-24.04@2026-09-11")
        #expect(try choose("vendors/ubuntu@20260801", [vendors]) == "vendors/ubuntu-24.04@2026-08-01")
        #expect(try choose("ubuntu-24.04@2026-08-01", copies) == "vendors/ubuntu-24.04@2026-08-01")
        // Two catalogs that have it are still to be told apart.
        guard
            case .ambiguous("debian", ["os", "other"]) = refusal(
                "debian", copies + [try copy("other", ["debian": ["2026-11-16"]])]),
            case .noSuchDistribution("ubunto", ["ubuntu"]) = refusal("ubunto", copies),
            case .noSuchVersion("ubuntu-24.04", "20260912", let near) = refusal("ubuntu@20260912", copies)
        else {
            Issue.record("something else")
            return
        }
        #expect(near == ["20260911"])
    }

    /// It may be the one that has the system: what a vendor has is another one.
    @Test func aCatalogThatCannotBeReadIsNotPassedOverForAVendor() throws {
        let copies = [
            try copy("broken", nil, error: Broken()), try vendors(["debian": [("2026-11-20", "20261120-1")]]),
        ]
        guard case .unreachable("broken", _, _) = refusal("debian", copies) else {
            Issue.record("something else")
            return
        }
        #expect(try choose("vendors/debian", copies) == "vendors/debian@2026-11-20")
    }

    @Test func withoutCatalogsThatIsSaid() {
        guard case .noCatalogs = refusal("debian", []) else {
            Issue.record("something else")
            return
        }
    }

    @Test func nearNamesAreSuggestedForEveryPart() throws {
        let copies = [try copy("circular", ["debian": ["2026-11-16", "2026-11-09"], "ubuntu": []])]
        guard case .noSuchCatalog("cirkular", ["circular"]) = refusal("cirkular/debian", copies),
            case .noSuchDistribution("debain", ["debian"]) = refusal("debain", copies),
            case .noSuchVersion("debian", "2026-11-17", let near) = refusal("debian@2026-11-17", copies)
        else {
            Issue.record("something else")
            return
        }
        #expect(near == ["2026-11-16", "2026-11-09"])
        // Where nothing is near, the newest are named.
        guard
            case .noSuchVersion("debian", "yesterday", ["2026-11-16", "2026-11-09"]) = refusal(
                "debian@yesterday", copies), case .noSuchVersion("ubuntu", "", []) = refusal("ubuntu", copies)
        else {
            Issue.record("something else")
            return
        }
    }

    @Test func aWithdrawnVersionIsNotJustUnknown() throws {
        let gone = WithdrawnVersion(
            id: try #require(VersionID("2026-11-16")), when: Timestamp(seconds: 1_794_787_200), why: "no ssh")
        var distribution = Distribution(id: "debian", versions: [try version("2026-11-09")])
        distribution.withdrawn = [gone]
        func copy() throws -> CatalogCopy {
            let document = CatalogDocument(
                name: "c", updated: Timestamp(seconds: 0), distributions: [distribution])
            return CatalogCopy(
                source: try CatalogSource(name: "c", location: "/c"), state: .fresh,
                document: try CatalogDocument.decode(try document.encode()))
        }
        #expect(try choose("debian", [try copy()]) == "c/debian@2026-11-09")
        guard case .withdrawn("debian", gone, "2026-11-09") = refusal("debian@2026-11-16", [try copy()]) else {
            Issue.record("something else")
            return
        }
        #expect(gone.words == "withdrawn on 2026-11-16: no ssh")
        #expect(try copy().withdrawal(of: "debian", "2026-11-16") == gone)
        // Of what was all withdrawn the newest is spoken of.
        distribution.versions = []
        guard case .withdrawn("debian", gone, nil) = refusal("debian", [try copy()]) else {
            Issue.record("something else")
            return
        }
        // A name is used once, and there are bounds.
        distribution.versions = [try version("2026-11-16")]
        #expect(throws: CatalogError.self) { try copy() }
        distribution.versions = []
        distribution.withdrawn = (0...1000).compactMap { number in
            VersionID("2026-11-16.\(number + 1)").map { WithdrawnVersion(id: $0, when: gone.when) }
        }
        #expect(throws: CatalogError.self) { try copy() }
    }

    @Test func aCatalogThatCannotBeReadIsNamedWhenItMayHaveIt() throws {
        let good = try copy("good", ["debian": ["2026-11-16"]])
        let broken = try copy("broken", nil, error: Broken())
        #expect(try choose("debian", [broken, good]) == "good/debian@2026-11-16")
        guard case .unreachable("broken", "file:///broken/", let cause) = refusal("arch", [good, broken]),
            case .unreachable("broken", _, _) = refusal("broken/debian", [good, broken]),
            case .noSuchDistribution("arch", _) = refusal("good/arch", [good, broken])
        else {
            Issue.record("something else")
            return
        }
        #expect(cause is Broken)
        let refused = CatalogAccessError.untrusted(catalog: "broken", url: "u", reason: "r")
        guard case .untrusted("broken", "u", "r") = refusal("arch", [try copy("broken", nil, error: refused)]) else {
            Issue.record("something else")
            return
        }
    }

    @Test func blocksAreLookedForInTheTreeThenInItsMirrors() throws {
        var document = CatalogDocument(
            name: "x", updated: Timestamp(seconds: 0), blocks: "store",
            mirrors: ["https://a.example.org/os", "file:///b/"])
        document.distributions = [Distribution(id: "debian", versions: [try version("2026-11-16")])]
        let source = try CatalogSource(name: "x", location: "/tree")
        let chosen = try #require(VersionName("debian")).choose(
            from: [CatalogCopy(source: source, state: .fresh, document: document)])
        #expect(
            chosen.blockLocations.map(\.url) == [
                "file:///tree/store/", "https://a.example.org/os/store/", "file:///b/store/",
            ])
    }
}

@Suite struct NearNamesTests {
    @Test(arguments: [
        ("debain", ["debian"]), ("debiam", ["debian"]), ("deb", ["debian"]), ("debian12", ["debian"]),
        ("ubntu", ["ubuntu"]), ("arhc", ["arch"]), ("arhx", []), ("fedora", []), ("zzz", []), ("ar", ["arch"]),
        ("arcx", ["arch"]),
    ])
    func aFewTypingErrorsAreForgiven(text: String, near: [String]) {
        #expect(NearNames.suggest(text, among: ["arch", "debian", "ubuntu"]) == near)
    }

    @Test func theNearestComeFirstAndAtMostThree() {
        let names = ["alpina", "alpine-extra", "alpino", "alpibe", "alpire", "zebra"]
        #expect(NearNames.suggest("alpine", among: names) == ["alpine-extra", "alpibe", "alpina"])
        #expect(NearNames.suggest("alpine", among: []) == [])
    }

    @Test func namesWithoutEndDoNoHarm() {
        let long = String(repeating: "ab", count: 100_000)
        #expect(NearNames.suggest(long + "x", among: [long + "y"]) == [long + "y"])
        #expect(NearNames.suggest("", among: ["a", "b"]) == ["a", "b"])
    }
}
