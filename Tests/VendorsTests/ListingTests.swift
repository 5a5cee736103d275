import Catalog
import Curl
import Linux
import TestSupport
import Testing

@testable import Vendors

/// Every kind of listing as vendors write it.
@Suite struct ListingTests {
    @Test func foldersOfDaysAreBuilds() async throws {
        // Debian's cloud images.
        let site = try VendorSite()
        site.offer(
            "upstream = \"\(site.pub)trixie/\"\nentry = \"{date}-{number}\"\nimage = \"{entry}/debian-13-genericcloud-amd64-{entry}.qcow2\""
        )
        for name in ["20250814-2204", "20260712-2537", "20260712-2538", "daily", "latest"] {
            try site.put("trixie/\(name)/SHA512SUMS", "x")
        }
        let library = site.library()
        let known = try await library.refresh("os")
        #expect(known.versions.map(\.id.text) == ["2026-07-12.1", "2026-07-12", "2025-08-14"])
        #expect(known.versions.map(\.source?.build) == ["20260712-2538", "20260712-2537", "20250814-2204"])
        #expect(
            known.versions.first?.source?.urls == [
                "\(site.pub)trixie/20260712-2538/debian-13-genericcloud-amd64-20260712-2538.qcow2"
            ])
        #expect(known.versions.first?.source?.trust == TrustLevel.none)
        // The vendor's name is accepted behind the @, and all is known without a question.
        let chosen = try VersionName("os@20250814-2204")?.choose(from: [site.library().copy()])
        #expect(chosen?.version.id.text == "2025-08-14")
    }

    @Test func filesWithoutADayHaveThatOfThePage() async throws {
        // Alpine: folders of releases, of which the two newest count.
        let site = try VendorSite()
        site.offer(
            "upstream = \"\(site.pub)v3.{number}/cloud/\"\nentry = \"nocloud_alpine-{number}.{number}.{number}-x86_64-uefi-cloudinit-r{number}.qcow2\""
        )
        for (file, day) in [
            ("v3.9/cloud/nocloud_alpine-3.9.1", "2019-01-30"), ("v3.22/cloud/nocloud_alpine-3.22.3", "2026-01-28"),
            ("v3.23/cloud/nocloud_alpine-3.23.4", "2026-04-15"),
        ] {
            let path = "\(file)-x86_64-uefi-cloudinit-r0.qcow2"
            try site.put(path, [UInt8](repeating: 7, count: 12_345))
            let seconds = Timestamp(try #require(CalendarDate(day))).seconds
            try Paths.setTimes(site.folder.path("pub/\(path)"), seconds: Int(seconds))
        }
        try site.put("v3.23/cloud/nocloud_alpine-3.23.4-x86_64-bios-cloudinit-r0.qcow2", "x")
        let known = try await site.library().refresh("os")
        #expect(known.versions.map(\.id.text) == ["2026-04-15", "2026-01-28"])
        #expect(known.versions.map(\.size) == [12_345, 12_345])
    }

    @Test func simplestreamsAreRead() async throws {
        let site = try VendorSite()
        site.offer(
            "listing = \"simplestreams\"\nupstream = \"\(site.pub)releases/streams/v1/com.ubuntu.cloud:released:download.json\"\nproduct = \"com.ubuntu.cloud:server:24.04:amd64\"\nitem = \"disk1.img\""
        )
        site.offer(
            "listing = \"simplestreams\"\nupstream = \"\(site.pub)lxc/streams/v1/images.json\"\nproduct = \"debian:trixie:amd64:cloud\"\nitem = \"disk-kvm.img\"\nbase = \"\(site.pub)lxc/\"",
            id: "lxc")
        let digest = String(repeating: "1a", count: 32)
        func item(_ serial: String) -> String {
            """
            "\(serial)": {"items": {"disk1.img": {"ftype": "disk1.img", "md5": "cc", "size": 345505792,
             "path": "server/releases/noble/release-\(serial)/ubuntu-24.04-server-cloudimg-amd64.img", "sha256": "\(digest)"},
             "lxd.tar.xz": {"ftype": "lxd.tar.xz", "path": "x", "size": 784}}, "label": "release"}
            """
        }
        try site.put(
            "releases/streams/v1/com.ubuntu.cloud:released:download.json",
            """
            {"content_id": "com.ubuntu.cloud:released:download", "format": "products:1.0", "ratio": 0.5, "products": {
             "com.ubuntu.cloud:server:24.04:amd64": {"aliases": "24.04,n,noble", "versions": {\(item("20260911.1")), \(item("20240725")),
             \(item("20260911"))}}, "com.ubuntu.cloud:server:22.04:amd64": {"versions": {}}}}
            """)
        try site.put(
            "lxc/streams/v1/images.json",
            """
            {"content_id": "images", "products": {"debian:trixie:amd64:cloud": {"requirements": {"secure_boot": "false"}, "versions": {
             "20261129_05:24": {"items": {"disk.qcow2": {"ftype": "disk-kvm.img", "size": 300,
             "path": "images/debian/trixie/amd64/cloud/20261129_05:24/disk.qcow2", "sha256": "\(digest)"}}}}}}}
            """)
        let library = site.library()
        let ubuntu = try await library.refresh("os")
        #expect(ubuntu.versions.map(\.id.text) == ["2026-09-11.1", "2026-09-11", "2024-07-25"])
        #expect(ubuntu.versions.first?.source?.digests == ["sha256:\(digest)"])
        #expect(ubuntu.versions.first?.size == 345_505_792)
        #expect(
            ubuntu.versions.first?.source?.urls == [
                "\(site.pub)releases/server/releases/noble/release-20260911.1/ubuntu-24.04-server-cloudimg-amd64.img"
            ])
        let lxc = try await library.refresh("lxc")
        #expect(lxc.versions.map(\.source?.build) == ["20261129_05:24"])
        #expect(
            lxc.versions.first?.source?.urls == [
                "\(site.pub)lxc/images/debian/trixie/amd64/cloud/20261129_05:24/disk.qcow2"
            ])
    }

    @Test func streamsOfCoreOSAreRead() async throws {
        let site = try VendorSite()
        site.offer(
            "listing = \"coreos-stream\"\nupstream = [\"\(site.pub)streams/stable.json\", \"\(site.pub)builds/builds.json\"]\nproduct = \"nutanix\"\nitem = \"qcow2\"\nimage = \"{entry}/x86_64/fedora-coreos-{entry}-nutanix.x86_64.qcow2\""
        )
        try site.put(
            "streams/stable.json",
            """
            {"architectures": {"x86_64": {"artifacts": {"nutanix": {"release": "44.20260707.3.1", "formats": {"qcow2": {"disk": {
             "location": "\(site.pub)builds/44.20260707.3.1/x86_64/fedora-coreos-44.20260707.3.1-nutanix.x86_64.qcow2",
             "sha256": "f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9"}}}}}}}}
            """)
        try site.put(
            "builds/builds.json",
            """
            {"schema-version": "1.0.0", "builds": [{"id": "44.20260707.3.1", "arches": ["aarch64", "x86_64"]},
             {"id": "44.20260623.3.0", "arches": ["x86_64"]}, {"id": "44.20260601.3.0", "arches": ["s390x"]}]}
            """)
        let known = try await site.library().refresh("os")
        #expect(known.versions.map(\.source?.build) == ["44.20260707.3.1", "44.20260623.3.0"])
        #expect(known.versions.map(\.id.text) == ["2026-07-07", "2026-06-23"])
        // What the stream says of a build's digest is not lost to the list that does not know it.
        #expect(known.versions.map { $0.source?.digests } == [["sha256:\(String(repeating: "f9", count: 32))"], []])
        #expect(
            known.versions.last?.source?.urls == [
                "\(site.pub)builds/44.20260623.3.0/x86_64/fedora-coreos-44.20260623.3.0-nutanix.x86_64.qcow2"
            ])
    }

    @Test func releasesInJSONAreRead() async throws {
        let site = try VendorSite()
        let digest = "ac58f3c35b73272d5986fa6d3bc44fd246b45df4c334e99a07b3bbd00684adee"
        site.offer(
            "listing = \"releases-json\"\nupstream = \"\(site.pub)releases.json\"\nproduct = \"x86_64\"\nentry = \"Fedora-Cloud-Base-Generic-{number}-{number}.{number}.x86_64.qcow2\""
        )
        site.offer(
            "listing = \"releases-json\"\nupstream = \"\(site.pub)table.json\"\nentry = \"TW-Cloud-Snapshot{date}.qcow2\"",
            id: "tw")
        try site.put(
            "releases.json",
            """
            [{"version": "44", "arch": "x86_64", "link": "\(site.pub)releases/44/Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2",
              "variant": "Cloud", "subvariant": "Cloud_Base", "sha256": "\(digest)", "size": "397475840"},
             {"version": "44", "arch": "aarch64", "link": "\(site.pub)releases/44/Fedora-Cloud-Base-Generic-44-1.7.aarch64.qcow2"},
             {"version": "41 Beta", "arch": "x86_64", "link": "https://elsewhere.example/Fedora-Cloud-Base-Generic-41-1.1.x86_64.qcow2"}]
            """)
        try site.put(
            "table.json",
            "{\"data\": [{\"name\": \"TW-Cloud-Snapshot20260820.qcow2\", \"size\": 99, \"mtime\": 1755700000}, {\"name\": \"x/\"}]}"
        )
        let library = site.library()
        let fedora = try await library.refresh("os")
        #expect(fedora.versions.map(\.source?.build) == ["44-1.7"])
        #expect(fedora.versions.first?.source?.digests == ["sha256:\(digest)"])
        #expect(fedora.versions.first?.source?.size == 397_475_840)
        // No date anywhere: the day on which it was first seen.
        #expect(fedora.versions.first?.id.date == CalendarDate(dayNumber: Timestamp.now.seconds / 86_400))
        #expect(try await library.refresh("tw").versions.map(\.id.text) == ["2026-08-20"])
    }

    @Test func packagesOfGitLabAreRead() async throws {
        let site = try VendorSite(directives: "index list.json;")
        let digest = String(repeating: "ab", count: 32)
        site.offer(
            "listing = \"gitlab-packages\"\nupstream = \"\(site.pub)packages/?sort=desc\"\nentry = \"v{date}.{number}\"\nimage = \"\(site.pub)images/{entry}/Arch-{date}.{number}.qcow2\""
        )
        try site.put(
            "packages/list.json",
            "[{\"id\": 8, \"version\": \"v20260715.556894\", \"created_at\": \"2026-07-15T04:00:00.000Z\"}, {\"id\": 7, \"version\": \"v20260701.550000\"}]"
        )
        try site.put(
            "packages/8/package_files",
            "[{\"file_name\": \"x\"}, {\"file_name\": \"Arch-20260715.556894.qcow2\", \"size\": 77, \"file_sha256\": \"\(digest)\"}]"
        )
        let known = try await site.library().refresh("os")
        #expect(known.versions.map(\.source?.build) == ["20260715.556894", "20260701.550000"])
        #expect(known.versions.first?.source?.urls == ["\(site.pub)images/v20260715.556894/Arch-20260715.556894.qcow2"])
        #expect(known.versions.first?.source?.digests == ["sha256:\(digest)"])
        #expect(known.versions.map(\.source?.size) == [77, nil])
    }

    @Test func listsOfWordsAreRead() async throws {
        let site = try VendorSite()
        site.offer(
            "listing = \"text-list\"\nupstream = \"\(site.pub)autobuilds/latest-di-amd64-console.txt\"\nentry = \"di-amd64-console-{date}T{number}Z.qcow2\""
        )
        site.offer(
            "listing = \"text-list\"\nupstream = \"\(site.pub)flatcar/version.txt\"\nentry = \"{number}.{number}.{number}\"\nimage = \"\(site.pub)flatcar/{entry}/image.img\"",
            id: "flatcar")
        try site.put(
            "autobuilds/latest-di-amd64-console.txt",
            """
            -----BEGIN PGP SIGNED MESSAGE-----
            Hash: SHA512

            # Latest as of Sun, 16 Aug 2026 20:30:01 +0000
            20260816T170110Z/di-amd64-console-20260816T170110Z.qcow2 1503238553
            -----BEGIN PGP SIGNATURE-----
            """)
        try site.put(
            "flatcar/version.txt", "FLATCAR_BUILD=4230\nFLATCAR_VERSION=4230.2.0\nFLATCAR_VERSION_ID=\"4230.2.0\"\n")
        let library = site.library()
        let gentoo = try await library.refresh("os")
        #expect(gentoo.versions.map(\.id.text) == ["2026-08-16"])
        #expect(gentoo.versions.first?.size == 1_503_238_553)
        #expect(
            gentoo.versions.first?.source?.urls == [
                "\(site.pub)autobuilds/20260816T170110Z/di-amd64-console-20260816T170110Z.qcow2"
            ])
        let flatcar = try await library.refresh("flatcar")
        #expect(flatcar.versions.map(\.source?.build) == ["4230.2.0"])
        #expect(flatcar.versions.first?.source?.urls == ["\(site.pub)flatcar/4230.2.0/image.img"])
    }

    @Test func aNameThatNeverChangesLeadsToABuild() async throws {
        let site = try VendorSite(
            directives:
                "rewrite ^/pub/channel/latest-(.*)$ /pub/releases/26.05.1234.abcdef/nixos-26.05.1234.abcdef-$1 redirect;"
        )
        site.offer(
            "listing = \"fixed\"\nupstream = \"\(site.pub)channel/latest-linux.iso\"\nentry = \"nixos-{number}.{number}.{number}.{word}-linux.iso\""
        )
        site.offer("listing = \"fixed\"\nupstream = \"\(site.pub)Leap-Cloud.qcow2\"", id: "leap")
        try site.put("releases/26.05.1234.abcdef/nixos-26.05.1234.abcdef-linux.iso", [UInt8](repeating: 1, count: 3000))
        try site.put("Leap-Cloud.qcow2", [UInt8](repeating: 1, count: 4000))
        try Paths.setTimes(site.folder.path("pub/Leap-Cloud.qcow2"), seconds: 1_790_000_000)
        let library = site.library()
        let nixos = try await library.refresh("os")
        #expect(nixos.versions.map(\.source?.build) == ["26.05.1234.abcdef"])
        #expect(
            nixos.versions.first?.source?.urls == [
                "\(site.pub)releases/26.05.1234.abcdef/nixos-26.05.1234.abcdef-linux.iso"
            ])
        #expect(nixos.versions.first?.size == 3000)
        let leap = try await library.refresh("leap")
        #expect(
            leap.versions.map(\.id.text) == ["2026-09-21"] && leap.versions.map(\.source?.build) == ["20260921-4000"])
        // The name gives something else a day later: another build, and the one before is not called by its name.
        try site.put("Leap-Cloud.qcow2", [UInt8](repeating: 2, count: 5000))
        try Paths.setTimes(site.folder.path("pub/Leap-Cloud.qcow2"), seconds: 1_790_090_000)
        #expect(try await site.builds(library, id: "leap") == ["20260922-5000"])
    }

    @Test func buildsAreCalledAsTheTableSays() async throws {
        let site = try VendorSite()
        site.offer("upstream = \"\(site.pub)f/\"\nentry = \"OS-44-{number}.{number}.qcow2\"\nbuild = \"44-{1}.{2}\"")
        // A serial without a day is no number of a day, and a name is never empty.
        site.offer("upstream = \"\(site.pub)u/\"\nentry = \"os-26.04{serial}-desktop.iso\"", id: "point")
        for name in ["f/OS-44-1.7.qcow2", "u/os-26.04.1-desktop.iso", "u/os-26.04-desktop.iso"] {
            try site.put(name, "x")
            try Paths.setTimes(site.folder.path("pub/\(name)"), seconds: 1_790_000_000 + (name.contains(".1-") ? 1 : 0))
        }
        let library = site.library()
        #expect(try await site.builds(library) == ["44-1.7"])
        #expect(try await site.choose(library, "44-1.7").version.id.text == "2026-09-21")
        let point = try await library.refresh("point")
        #expect(point.versions.map(\.id.text) == ["2026-09-21.1", "2026-09-21"])
        #expect(point.versions.map(\.source?.build) == [".1", "os-26.04-desktop.iso"])
    }

    @Test func aPatternOfAWholeLineTellsWordsOfOneFormApart() async throws {
        let site = try VendorSite()
        site.offer(
            "listing = \"text-list\"\nupstream = \"\(site.pub)version.txt\"\nentry = \"OS_VERSION={number}.{number}.{number}\"\nimage = \"{1}.{2}.{3}/image.img\""
        )
        try site.put(
            "version.txt", "OS_BUILD=4230\nOS_VERSION=4230.2.0\r\nOS_VERSION_ID=\"4230.2.0\"\nOS_SDK_VERSION=4231.0.0\n")
        try Paths.setTimes(site.folder.path("pub/version.txt"), seconds: 1_790_000_000)
        let known = try await site.library().refresh("os")
        #expect(known.versions.map(\.source?.build) == ["4230.2.0"])
        // The list has no day: that of its last change.
        #expect(known.versions.map(\.id.text) == ["2026-09-21"])
        #expect(known.versions.first?.source?.urls == ["\(site.pub)4230.2.0/image.img"])
    }
}
