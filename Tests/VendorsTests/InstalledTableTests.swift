import DiskImage
import Testing
import Upstream

@testable import Vendors

/// The table that is installed, `share/vendors`.
@Suite struct InstalledTableTests {
    private static let folder: String = {
        var path = Substring(#filePath)
        for _ in 0..<3 { path = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
        return path + "/share/vendors"
    }()

    @Test func everyFileOfItIsRead() {
        let table = VendorTable.load(folders: [Self.folder])
        #expect(table.faults.isEmpty, "\(table.faults.map { "\($0)" }.joined(separator: "\n"))")
        #expect(table.rows.count >= 60)
    }

    /// A version's name after the @ is the vendor's own, and not what the pattern happens to leave open.
    @Test func everyBuildHasANameThatSaysWhichItIs() throws {
        let table = VendorTable.load(folders: [Self.folder])
        for row in table.rows {
            guard let entry = row.listing.entry, !entry.hasPrefix("{date}") else { continue }
            #expect(row.listing.build != nil || entry.contains("{date}"), "\(row.id): \(entry)")
        }
        let names = [
            ("fedora-44", "Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2", "44-1.7"),
            ("almalinux-10", "AlmaLinux-10-GenericCloud-10.2-20260526.0.x86_64.qcow2", "10.2-20260526.0"),
            ("rocky-10", "Rocky-10-GenericCloud-Base-10.2-20260525.0.x86_64.qcow2", "10.2-20260525.0"),
            ("rocky-9-installer", "Rocky-9.6-x86_64-boot.iso", "9.6"),
            ("alpine-3.23", "nocloud_alpine-3.23.4-x86_64-uefi-cloudinit-r0.qcow2", "3.23.4-r0"),
            ("amazonlinux-2023", "al2023-kvm-2023.9.20261102.0-kernel-6.1-x86_64.xfs.gpt.qcow2", "2023.9.20261102.0"),
            ("debian-live-gnome", "debian-live-13.6.0-amd64-gnome.iso", "13.6.0"),
            ("flatcar", "FLATCAR_VERSION=4459.2.1", "4459.2.1"),
            ("freebsd-15", "FreeBSD-15.1-RELEASE-amd64-BASIC-CLOUDINIT-ufs.raw.xz", "15.1-RELEASE"),
            ("gentoo", "di-amd64-cloudinit-20260816T170110Z.qcow2", "20260816T170110Z"),
            ("kali-netinst", "kali-linux-2026.3-installer-netinst-amd64.iso", "2026.3"),
            ("mint-xfce", "linuxmint-22.3-xfce-64bit.iso", "22.3"), ("mint", "linuxmint-23-cinnamon-64bit.iso", "23"),
            ("netbsd-10", "NetBSD-10.1-amd64.iso", "10.1"), ("openbsd-7.9", "install79.iso", "7.9"),
            ("nixos-26.05", "nixos-minimal-26.05.2301.0a1b2c3d4e5f-x86_64-linux.iso", "26.05.2301.0a1b2c3d4e5f"),
            ("oraclelinux-10", "OL10U1_x86_64-kvm-b291.qcow2", "OL10U1-b291"),
            ("parrot-home", "Parrot-home-7.0_amd64.iso", "7.0"), ("parrot", "Parrot-home-7.0.1_amd64.iso", "7.0.1"),
            ("tails", "tails-amd64-7.2.iso", "7.2"), ("tails", "tails-amd64-7.2.1.iso", "7.2.1"),
            ("ubuntu-26.04-desktop", "ubuntu-26.04-desktop-amd64.iso", "26.04"),
            ("ubuntu-24.04-desktop", "ubuntu-24.04.3-desktop-amd64.iso", "24.04.3"),
        ]
        for (id, file, name) in names {
            let row = try #require(table.row(id), "\(id)")
            let pattern = try #require(row.listing.entry.flatMap { EntryPattern($0) }, "\(id)")
            let match = try #require(pattern.match(file), "\(id): \(file)")
            #expect(VendorBuild(match, url: "https://h/\(file)").named(row.listing.build).name == name, "\(id)")
        }
    }

    /// An id names the processor as its vendor does; what is not for x86_64 starts by UEFI, and nobody has looked yet.
    @Test func systemsForAnotherProcessorSayWhichInTheirNames() {
        let table = VendorTable.load(folders: [Self.folder])
        let others = table.rows.filter { $0.architecture != "x86_64" }
        #expect(others.count >= 20)
        for row in others {
            #expect(row.architecture == "aarch64" && row.guest.firmware == .uefi && row.unchecked != nil, "\(row.id)")
            let word = row.id.hasSuffix("-arm64") ? "arm64" : "aarch64"
            #expect(row.id.hasSuffix("-\(word)"))
            let places =
                (row.listing.upstream + [row.listing.entry, row.listing.image, row.listing.product].compactMap(\.self))
            #expect(places.contains { $0.contains(word) }, "\(row.id)")
            #expect(!places.contains { $0.contains("amd64") || $0.contains("x86_64") }, "\(row.id)")
            // Beside the one for x86_64, whose name it has without the processor.
            #expect(table.rows.contains { $0.id == row.id.dropLast(word.count + 1) }, "\(row.id)")
        }
        #expect(table.row("debian", host: "x86_64")?.id == "debian-13")
        #expect(table.row("debian", host: "aarch64")?.id == "debian-13-arm64")
        #expect(table.row("arch", host: "aarch64")?.id == "arch")
    }

    /// What no code unpacks is not offered.
    @Test func whatIsPackedIsUnpackedHere() {
        let packed = VendorTable.load(folders: [Self.folder]).rows.compactMap { row in row.packing.map { (row.id, $0) }
        }
        #expect(!packed.isEmpty)
        for (id, packing) in packed { #expect(PackedStream.Packing(rawValue: packing.rawValue) != nil, "\(id)") }
    }

    /// Without systemd nobody reads credentials, and FreeBSD's sshd refuses root.
    @Test func loginsAreThoseThatWork() {
        let rows = VendorTable.load(folders: [Self.folder]).rows
        let systemd = rows.filter { $0.guest.seed == .credentials }.map(\.id)
        #expect(systemd.allSatisfy { $0.hasPrefix("lxc-nixos") }, "\(systemd)")
        #expect(rows.filter { $0.guest.seed == .nuageinit && $0.guest.user == "root" }.map(\.id) == [])
    }
}
