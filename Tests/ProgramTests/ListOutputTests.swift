import Catalog
import Testing

@testable import Boot
@testable import oscircular

/// Scripts read these: a key, or an unknown value that is null and not absent, must not change.
@Suite struct ListOutputTests {
    @Test func theJSONOfAListIsWhatItAlwaysWas() throws {
        var distribution = Distribution(id: "debian", title: "Debian\u{1b}[2J /13")
        let source = try CatalogSource(name: "home", location: "/srv/os")
        func summary(_ id: String) throws -> VersionSummary {
            let version = DistributionVersion(
                id: try #require(VersionID(id)), published: Timestamp(seconds: 0), index: "debian/\(id).caibx",
                size: 4096)
            distribution.versions.append(version)
            return VersionSummary(version, key: VersionKey(catalog: "home", distribution: "debian", version: id))
        }
        var known = try summary("2026-11-23")
        (known.isRunning, known.isPinned, known.toBoot, known.here, known.new) = (true, true, 5, 6, 7)
        (known.offline, known.isWarm) = (.boots, true)
        let system = SystemSummary(
            source: source, distribution: distribution, versions: [known, try summary("2026-11-16")],
            withdrawn: [
                WithdrawnSummary(
                    version: WithdrawnVersion(
                        id: try #require(VersionID("2026-11-20")), when: Timestamp(seconds: 0), why: "does not boot"),
                    isRunning: false, isHere: true)
            ])
        let other = SystemSummary(source: source, distribution: Distribution(id: "empty"), versions: [])
        let catalog = CatalogRow(CatalogCopy(source: source, state: .fresh, document: nil))
        let text = try JSONOutput.text(of: ListOutput(catalogs: [catalog], distributions: [system, other]))
        #expect(
            text == #"""
                {
                  "catalogs" : [
                    {
                      "error" : null,
                      "expires" : null,
                      "fingerprint" : null,
                      "name" : "home",
                      "state" : "fresh",
                      "updated" : null,
                      "url" : "file:///srv/os/"
                    }
                  ],
                  "distributions" : [
                    {
                      "architecture" : "x86_64",
                      "catalog" : "home",
                      "id" : "debian",
                      "title" : "Debian\u001b[2J /13",
                      "versions" : [
                        {
                          "here" : 6,
                          "id" : "2026-11-23",
                          "new" : 7,
                          "offline" : "boots",
                          "pinned" : true,
                          "published" : "1970-01-01T00:00:00Z",
                          "running" : true,
                          "size" : 4096,
                          "toBoot" : 5,
                          "warm" : true
                        },
                        {
                          "here" : 0,
                          "id" : "2026-11-16",
                          "new" : null,
                          "offline" : "no",
                          "pinned" : false,
                          "published" : "1970-01-01T00:00:00Z",
                          "running" : false,
                          "size" : 4096,
                          "toBoot" : null
                        }
                      ],
                      "withdrawn" : [
                        {
                          "here" : true,
                          "id" : "2026-11-20",
                          "running" : false,
                          "when" : "1970-01-01T00:00:00Z",
                          "why" : "does not boot"
                        }
                      ]
                    },
                    {
                      "architecture" : "x86_64",
                      "catalog" : "home",
                      "id" : "empty",
                      "title" : "empty",
                      "versions" : [

                      ]
                    }
                  ]
                }
                """#)
    }
}
