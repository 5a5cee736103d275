import Boot
import BootMenu
import Catalog
import ContentAddress

/// What the made-up world offers.
package enum SampleOffer {
    /// The last version's day, 2026-11-16 in seconds since 1970.
    package static let newest: Int64 = 1_794_787_200

    /// Five systems of two catalogs, one of them away, with titles that are hard to draw.
    /// - Parameters:
    ///   - isTidy: leaves out what is hard to draw.
    ///   - warm: systems whose newest version starts warm; where there are any, all know how to.
    package static func few(isTidy: Bool = false, warm: Set<String> = []) -> MenuOffer {
        var offer = few()
        for (place, system) in offer.systems.enumerated() where !warm.isEmpty {
            var (distribution, versions) = (system.distribution, system.versions)
            distribution.guest.seed = .nocloud
            if warm.contains(distribution.id) {
                (versions[0].offline, versions[0].isWarm) = (.whole, true)
                versions[0].here = versions[0].content ?? 0
            }
            offer.systems[place] = SystemSummary(
                source: system.source, distribution: distribution, versions: versions)
        }
        if isTidy {
            offer.systems.removeAll { ["hostile", "wide"].contains($0.distribution.id) }
            offer.catalogs.removeAll { $0.name == "attic" }
        }
        return offer
    }

    private static func few() -> MenuOffer {
        let hostile =
            "\u{1b}[31mRed\u{1b}[0m \u{7}bell \u{202e}turned " + String(repeating: "long ", count: 2000)
        return MenuOffer(
            catalogs: [
                CatalogItem(
                    name: "example", url: "https://os.example.org/", state: .fresh,
                    trust: "example.org, fresh until 2026-11-30"),
                CatalogItem(
                    name: "attic", url: "http://127.0.0.1:1/", state: .unreachable,
                    error:
                        "could not reach http://127.0.0.1:1/: connection refused. Check the address and that the server is up."
                ),
            ],
            systems: [
                system("alpine", title: "Alpine Linux", summary: "Small and simple.", weeks: 3, offline: .boots),
                system(
                    "debian", title: "Debian 12 “bookworm”",
                    summary: "The stable release, security updates every week.", homepage: "https://www.debian.org/",
                    supportEnds: newest + 600 * 86_400, memoryMiB: 1024, weeks: 24, lastRun: 1),
                system(
                    "hostile", title: hostile, summary: hostile, supportEnds: newest - 400 * 86_400, weeks: 2),
                system("ubuntu", title: "Ubuntu", summary: "With all of it here.", weeks: 5, offline: .whole),
                system(
                    "wide", title: "新しい Debian 中文版", summary: "幅の広い文字 and e\u{301} combining.", weeks: 4),
            ], lastUsed: SystemName(catalog: "example", distribution: "debian"), isPriced: true)
    }

    /// Many systems of many versions each.
    package static func many(systems: Int, versions: Int) -> MenuOffer {
        // Made once: there may be very many of them.
        let builds = builds(weeks: versions)
        return MenuOffer(
            catalogs: [CatalogItem(name: "many", url: "https://os.example.org/", state: .fresh, trust: "example.org")],
            systems: (0..<systems).map { number in
                system(
                    "system-\(1000 + number)", of: "many", title: "System number \(number)", summary: "One of many.",
                    builds: builds)
            }, isPriced: true)
    }

    /// A system with a version for each of the last weeks.
    package static func system(
        _ name: String, of catalog: String = "example", title: String, summary: String = "", homepage: String? = nil,
        supportEnds: Int64? = nil, memoryMiB: Int? = nil, weeks: Int, offline: VersionSummary.Offline = .no,
        lastRun: Int? = nil
    ) -> SystemSummary {
        system(
            name, of: catalog, title: title, summary: summary, homepage: homepage, supportEnds: supportEnds,
            memoryMiB: memoryMiB, builds: builds(weeks: weeks), offline: offline, lastRun: lastRun)
    }

    private static func system(
        _ name: String, of catalog: String, title: String, summary: String, homepage: String? = nil,
        supportEnds: Int64? = nil, memoryMiB: Int? = nil, builds: [DistributionVersion],
        offline: VersionSummary.Offline = .no, lastRun: Int? = nil
    ) -> SystemSummary {
        let source: CatalogSource
        do {
            source = try CatalogSource(name: catalog, location: "https://os.example.org/")
        } catch {
            fatalError("a catalog of the sample: \(error)")
        }
        let distribution = Distribution(
            id: name, title: title, summary: summary, homepage: homepage,
            supportEnds: supportEnds.map { CalendarDate(dayNumber: $0 / 86_400) },
            guest: GuestSettings(memoryMiB: memoryMiB, login: "root, no password on the console"))
        let versions = builds.enumerated().map { week, build in
            var version = VersionSummary(
                build, key: VersionKey(catalog: catalog, distribution: name, version: build.id.text))
            version.content = build.size
            version.here = 312_000_000
            version.toBoot = week == 2 ? nil : 84_000_000 - UInt64(week % 10) * 1_000_000
            version.new = week == 0 ? 6_100_000 : nil
            version.changed = 6_100_000 + UInt64(week) * 100_000
            version.offline = offline
            version.lastRun = week == lastRun ? Int(build.published.seconds) : nil
            return version
        }
        return SystemSummary(source: source, distribution: distribution, versions: versions)
    }

    /// A build for each of the last weeks, newest first.
    private static func builds(weeks: Int) -> [DistributionVersion] {
        (0..<weeks).compactMap { week in
            let published = newest - Int64(week) * 7 * 86_400
            let day = CalendarDate(dayNumber: published / 86_400).description
            return VersionID(day).map {
                DistributionVersion(
                    id: $0, published: Timestamp(seconds: published + 11_520),
                    notes: week == 0 ? "openssl 3.0.17, linux 6.1.153" : week == 3 ? "point release 12.13" : "",
                    index: "debian/\(day).caibx", size: 1_200_000_000,
                    digest: FileDigest("sha256:" + String(repeating: "ab", count: 32)))
            }
        }
    }
}
