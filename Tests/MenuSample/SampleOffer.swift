import BootMenu

/// What the made-up world offers.
package enum SampleOffer {
    /// The last version's day, 2026-11-16 in seconds since 1970.
    package static let newest: Int64 = 1_794_787_200

    /// Five systems of two catalogs, one of them away, with titles that are hard to draw.
    /// - Parameter isTidy: leaves out what is hard to draw.
    package static func few(isTidy: Bool = false) -> MenuOffer {
        var offer = few()
        if isTidy {
            offer.systems.removeAll { ["hostile", "wide"].contains($0.name.distribution) }
            offer.catalogs.removeAll { $0.name == "attic" }
        }
        return offer
    }

    private static func few() -> MenuOffer {
        let home = "example"
        func name(_ distribution: String) -> SystemName { SystemName(catalog: home, distribution: distribution) }
        let hostile =
            "\u{1b}[31mRed\u{1b}[0m \u{7}bell \u{202e}turned " + String(repeating: "long ", count: 2000)
        return MenuOffer(
            catalogs: [
                CatalogItem(
                    name: home, url: "https://os.example.org/", state: .fresh,
                    trust: "example.org, fresh until 2026-11-30"),
                CatalogItem(
                    name: "attic", url: "http://127.0.0.1:1/", state: .unreachable,
                    error: "http://127.0.0.1:1/ cannot be had: connection refused. Is the server up?"),
            ],
            systems: [
                SystemItem(
                    name: name("alpine"), title: "Alpine Linux", summary: "Small and simple.",
                    versions: weeks(3, offline: .boots)),
                SystemItem(
                    name: name("debian"), title: "Debian 12 “bookworm”",
                    summary: "The stable release, security updates every week.", homepage: "https://www.debian.org/",
                    supportEnds: newest + 600 * 86_400, memoryMiB: 1024, versions: weeks(24, lastRun: 1)),
                SystemItem(
                    name: name("hostile"), title: hostile, summary: hostile, supportEnds: newest - 400 * 86_400,
                    versions: weeks(2)),
                SystemItem(
                    name: name("ubuntu"), title: "Ubuntu", summary: "With all of it here.",
                    versions: weeks(5, offline: .whole)),
                SystemItem(
                    name: name("wide"), title: "新しい Debian 中文版", summary: "幅の広い文字 and e\u{301} combining.",
                    versions: weeks(4)),
            ], lastUsed: name("debian"), isPriced: true)
    }

    /// Many systems of many versions each.
    package static func many(systems: Int, versions: Int) -> MenuOffer {
        MenuOffer(
            catalogs: [CatalogItem(name: "many", url: "https://os.example.org/", state: .fresh, trust: "example.org")],
            systems: (0..<systems).map { number in
                SystemItem(
                    name: SystemName(catalog: "many", distribution: "system-\(1000 + number)"),
                    title: "System number \(number)",
                    summary: "One of many.", versions: weeks(versions))
            }, isPriced: true)
    }

    private static func weeks(_ count: Int, offline: OfflineState = .no, lastRun: Int? = nil) -> [VersionItem] {
        (0..<count).map { week in
            let published = newest - Int64(week) * 7 * 86_400
            return VersionItem(
                id: VersionItem.id(of: published), published: published + 11_520,
                notes: week == 0 ? "openssl 3.0.17, linux 6.1.153" : week == 3 ? "point release 12.13" : "",
                size: 1_200_000_000, toBoot: week == 2 ? nil : 84_000_000 - UInt64(week % 10) * 1_000_000,
                here: 312_000_000,
                new: week == 0 ? 6_100_000 : nil, changed: 6_100_000 + UInt64(week) * 100_000, offline: offline,
                lastRun: week == lastRun ? published : nil, digest: "sha256:" + String(repeating: "ab", count: 32),
                index: "debian/\(VersionItem.id(of: published)).caibx", login: "root, no password on the console")
        }
    }
}
