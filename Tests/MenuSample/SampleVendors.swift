import Boot
import BootMenu
import Catalog
import GuestDomain

/// The vendors of the made-up world, with systems as real tables have them.
extension SampleOffer {
    /// Each vendor with the ids and titles of its systems.
    private static let table: [(vendor: String, systems: [(id: String, title: String)])] = [
        ("AlmaLinux", [("alma-10", "AlmaLinux 10"), ("alma-9", "AlmaLinux 9"), ("alma-8", "AlmaLinux 8")]),
        ("Alpine", [("alpine-3.22", "Alpine Linux 3.22"), ("alpine-3.21", "Alpine Linux 3.21")]),
        ("Amazon", [("amazon-2023", "Amazon Linux 2023")]),
        ("Arch", [("arch", "Arch Linux"), ("arch-cloud", "Arch Linux, cloud image")]),
        ("CentOS", [("centos-10", "CentOS Stream 10"), ("centos-9", "CentOS Stream 9")]),
        (
            "Debian",
            [
                ("debian-13", "Debian 13 “trixie”, cloud image"),
                ("debian-13-nocloud", "Debian 13, root without password"),
                ("debian-13-gnome", "Debian 13 live, GNOME"), ("debian-13-kde", "Debian 13 live, KDE Plasma"),
                ("debian-13-xfce", "Debian 13 live, Xfce"), ("debian-12", "Debian 12 “bookworm”, cloud image"),
            ]
        ),
        (
            "Fedora",
            [
                ("fedora-44", "Fedora 44 Cloud"), ("fedora-44-workstation", "Fedora 44 Workstation live"),
                ("fedora-43", "Fedora 43 Cloud"), ("fedora-coreos", "Fedora CoreOS stable"),
            ]
        ),
        ("Flatcar", [("flatcar", "Flatcar Container Linux")]), ("FreeBSD", [("freebsd-15", "FreeBSD 15.1")]),
        ("Gentoo", [("gentoo", "Gentoo, console"), ("gentoo-cloud", "Gentoo, cloud image")]),
        ("Haiku", [("haiku", "Haiku R1/beta5")]),
        ("Kali", [("kali-installer", "Kali installer"), ("kali-purple", "Kali Purple")]),
        ("NetBSD", [("netbsd-11", "NetBSD 11")]), ("NixOS", [("nixos-26.05", "NixOS 26.05, graphical")]),
        ("OpenBSD", [("openbsd-7.9", "OpenBSD 7.9 installer")]),
        ("openSUSE", [("leap-16.0", "openSUSE Leap 16.0"), ("tumbleweed", "openSUSE Tumbleweed")]),
        ("Rocky", [("rocky-10", "Rocky Linux 10"), ("rocky-9", "Rocky Linux 9")]),
        (
            "Ubuntu",
            [
                ("ubuntu-26.04", "Ubuntu 26.04 LTS server"), ("ubuntu-26.04-minimal", "Ubuntu 26.04 LTS minimal"),
                ("ubuntu-24.04", "Ubuntu 24.04 LTS server"), ("ubuntu-24.04-minimal", "Ubuntu 24.04 LTS minimal"),
                ("ubuntu-26.04-desktop", "Ubuntu 26.04 LTS desktop"),
            ]
        ),
        ("Void", [("void", "Void Linux live")]),
    ]

    /// Distributions that linuxcontainers.org builds images of.
    private static let containers = [
        "almalinux", "alpine", "alt", "amazonlinux", "archlinux", "centos", "debian", "devuan", "fedora", "funtoo",
        "gentoo", "kali", "mint", "nixos", "openeuler", "opensuse", "openwrt", "oracle", "plamo", "rockylinux",
        "slackware", "springdale", "ubuntu", "voidlinux",
    ]

    /// What a new user sees: vendors only, of whose builds nothing is known yet. About a hundred systems.
    package static func vendors() -> MenuOffer {
        let own = table.flatMap { vendor, systems in
            systems.map { unasked($0.id, of: vendor, title: $0.title) }
        }
        let others = containers.flatMap { name in
            ["", "-cloud", "-9"].map { kind in
                unasked("lxc-\(name)\(kind)", of: "linuxcontainers.org", title: "\(name)\(kind) by linuxcontainers.org")
            }
        }
        let all = (own + others).sorted { $0.vendor.lowercased() < $1.vendor.lowercased() }
        return MenuOffer(systems: all, isPriced: true)
    }

    /// The followed catalogs of ``few(isTidy:)`` before the vendors.
    package static func both() -> MenuOffer {
        var offer = few(isTidy: true)
        offer.systems += vendors().systems
        return offer
    }

    /// The vendors, and what some of them have for another processor than this machine's.
    package static func otherProcessors(_ emulation: Emulation) -> MenuOffer {
        var offer = vendors()
        offer.systems += [
            ("debian-13-arm64", "Debian"), ("debian-12-arm64", "Debian"), ("fedora-44-aarch64", "Fedora"),
        ].map { id, vendor in
            var distribution = unasked(id, of: vendor, title: "\(id.capitalized) (aarch64)").distribution
            distribution.architecture = "aarch64"
            var system = SystemSummary(source: .vendors, distribution: distribution, versions: [])
            (system.group, system.listing, system.emulation) = (vendor, VendorListing(), emulation)
            return system
        }
        return offer
    }

    private static func unasked(_ id: String, of vendor: String, title: String) -> SystemSummary {
        let distribution = Distribution(
            id: id, title: title, summary: "From \(vendor)'s own server.",
            guest: GuestSettings(login: "as \(vendor.lowercased()); press P for the password", seed: .nocloud))
        var system = SystemSummary(source: .vendors, distribution: distribution, versions: [])
        system.group = vendor
        system.listing = VendorListing()
        return system
    }

    /// A vendor's system whose builds are known: one of each kind that a row can show.
    package static func listed(_ system: SystemSummary) -> SystemSummary {
        var distribution = system.distribution
        let id = distribution.id
        distribution.versions = builds.enumerated().compactMap { place, build in
            let day = newest - Int64(place) * 7 * 86_400
            guard let version = VersionID(CalendarDate(dayNumber: day / 86_400).description) else { return nil }
            var new = DistributionVersion(
                id: version, published: Timestamp(seconds: day), index: "", size: 3_221_225_472)
            new.source = VersionSource(
                urls: ["https://images.example.org/\(id)/\(build.name)/\(id)-\(build.name).qcow2"], format: .qcow2,
                size: 336_000_000, digests: ["sha512:" + String(repeating: "cd", count: 64)], trust: build.trust,
                build: build.name)
            return new
        }
        var listed = SystemSummary(
            source: system.source, distribution: distribution,
            versions: distribution.versions.enumerated().map { place, version in
                let key = VersionKey(catalog: system.name.catalog, distribution: id, version: version.id.text)
                var summary = VersionSummary(version, key: key)
                summary.content = 336_000_000
                summary.here = builds[place].here
                summary.isVerified = builds[place].isVerified
                summary.isGone = builds[place].isGone
                summary.fault = builds[place].fault
                summary.signedBy = builds[place].trust == .whole ? "DF9B9C49EAA9298432589D76DA87E80D6294BE9B" : nil
                summary.offline = builds[place].here == 336_000_000 ? .whole : .no
                return summary
            })
        (listed.group, listed.emulation) = (system.group, system.emulation)
        listed.listing = VendorListing(asked: Int(newest + 6 * 86_400), keptBuilds: 3, keptDays: 14)
        return listed
    }

    private struct SampleBuild {
        var name: String
        var trust: TrustLevel
        var here: UInt64 = 0
        var isVerified = false
        var isGone = false
        var fault: String?
    }

    private static let builds: [SampleBuild] = [
        SampleBuild(name: "20261116-2204", trust: .whole), SampleBuild(name: "20261109-2192", trust: .blocks),
        SampleBuild(name: "20261102-2190", trust: .pieces, here: 84_000_000),
        SampleBuild(name: "20261026-2180", trust: .whole, here: 336_000_000, isVerified: true),
        SampleBuild(name: "20261019-2171", trust: .none),
        SampleBuild(name: "20261012-2160", trust: .whole, here: 134_400_000, isGone: true),
        SampleBuild(
            name: "20261005-2151", trust: .whole,
            fault: "images.example.org sent a file whose SHA-512 is not the one that its vendor has signed"),
    ]
}
