import Testing

@testable import Upstream

/// The lists of digests that vendors really publish, as they write them (Aug-Oct 2026).
@Suite struct VendorDigestTests {
    private static let sha256 = "3cb1310f39d92d34d0ea62c1d6f8943f47dce9df6937adb5bd26af8efa5d921d"
    private static let sha512 =
        "d7612288723285"
        + String(repeating: "0", count: 114)

    private func finding(_ text: String, _ path: String, isOwn: Bool = false) -> DigestList.Finding {
        DigestList(text).finding(for: [path], isOwn: isOwn)
    }

    @Test func fedorasAndCentOSLinesHaveSizesBeforeThem() {
        let name = "CentOS-Stream-GenericCloud-10-20241118.0.x86_64.qcow2"
        let text = """
            # \(name): 954073088 bytes
            SHA256 (\(name)) = \(Self.sha256)
            # CentOS-Stream-GenericCloud-10-latest.x86_64.qcow2: 954073088 bytes
            SHA256 (CentOS-Stream-GenericCloud-10-latest.x86_64.qcow2) = \(Self.sha256)
            """
        let list = DigestList(text)
        #expect(
            finding(text, "https://cloud.centos.org/centos/10-stream/x86_64/images/\(name)") == .digest(Self.sha256))
        #expect(list.size(of: name) == 954_073_088)
        #expect(list.size(of: "other") == nil)
        #expect(DigestList(text + "\n# \(name): 5 bytes").size(of: name) == nil)
        #expect(list.names == [name, "CentOS-Stream-GenericCloud-10-latest.x86_64.qcow2"])
    }

    /// Lists are read before anybody has vouched for them.
    @Test func linesOfAnyLengthCostLittle() {
        let long = [
            "#" + String(repeating: " ", count: 300_000), "# " + String(repeating: "a: 1", count: 100_000),
            "\(Self.sha256)  " + String(repeating: "./", count: 200_000),
        ]
        let short = (0..<100).map { _ in "#" + String(repeating: " ", count: 8_000) }
        let start = ContinuousClock.now
        for text in long + [short.joined(separator: "\n")] {
            let list = DigestList(text + "\n\(Self.sha256)  a\n# a: 12 bytes\n")
            #expect(list.names == ["a"] && list.size(of: "a") == 12)
        }
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test func commentsOfOtherFormsSayNoSize() {
        for comment in [
            "# a: 12 byte", "# a 12 bytes", "#: 12 bytes", "# a: 12 bytes more", "# a: x bytes", "# a: bytes",
        ] {
            #expect(DigestList("\(comment)\n\(Self.sha256)  a").size(of: "a") == nil, "\(comment)")
        }
        #expect(DigestList("#  a (1): b:  12  bytes \n").size(of: "a (1): b") == 12)
    }

    @Test func leapWritesOneSpace() {
        let name = "openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2"
        #expect(finding("\(Self.sha256) \(name)\n", "https://h/appliances/\(name)") == .digest(Self.sha256))
    }

    @Test func alpineWritesNoName() {
        let path = "https://h/v3.23/releases/cloud/nocloud_alpine-3.23.4-x86_64-uefi-cloudinit-r0.qcow2"
        #expect(finding(Self.sha512, path, isOwn: true) == .digest(Self.sha512))
        #expect(finding(Self.sha512 + "\n", path, isOwn: false) == .nothing)
    }

    @Test func anAliasCountsOnlyWhereThereIsNoChoice() {
        let path =
            "https://download.opensuse.org/tumbleweed/appliances/openSUSE-Tumbleweed-Minimal-VM.x86_64-Cloud.qcow2"
        let snapshot = "openSUSE-Tumbleweed-Minimal-VM.x86_64-1.0.0-Cloud-Snapshot20260820.qcow2"
        let one = "\(Self.sha256)  \(snapshot)\n"
        #expect(finding(one, path, isOwn: true) == .digest(Self.sha256))
        #expect(finding(one, path, isOwn: false) == .nothing)
        let other = String(Self.sha256.reversed())
        #expect(finding(one + "\(other)  other.qcow2\n", path, isOwn: true) == .nothing)
        // One of each kind is no choice.
        #expect(finding(one + "\(Self.sha512)  \(snapshot)\n", path, isOwn: true) == .digest(Self.sha512))
    }

    @Test func gentoosListsHaveTwoKindsOfTheSameLength() {
        let name = "di-amd64-console-20260816T170110Z.qcow2"
        let blake = String(repeating: "b", count: 128)
        let text = """
            -----BEGIN PGP SIGNED MESSAGE-----
            Hash: SHA512

            # BLAKE2B HASH
            \(blake)  \(name)
            # SHA512 HASH
            \(Self.sha512)  \(name)
            -----BEGIN PGP SIGNATURE-----

            iQ==
            -----END PGP SIGNATURE-----
            \(blake)  \(name)
            """
        #expect(finding(text, "https://h/\(name)") == .digest(Self.sha512))
        #expect(finding("\(Self.sha512)  \(name)\n\(blake)  \(name)\n", "https://h/\(name)") == .contradiction)
    }

    @Test func decoysInTheSameListAreOtherFiles() {
        let text = """
            \(Self.sha512)  debian-edu-13.1.0-amd64-netinst.iso
            \(String(repeating: "1", count: 128))  debian-13.1.0-amd64-netinst.iso
            \(String(repeating: "2", count: 128))  debian-13.1.0-amd64-netinst.iso.torrent
            """
        let path = "https://cdimage.debian.org/debian-cd/13.1.0/amd64/iso-cd/debian-13.1.0-amd64-netinst.iso"
        #expect(finding(text, path) == .digest(String(repeating: "1", count: 128)))
        #expect(finding(text, path + ".torrent") == .digest(String(repeating: "2", count: 128)))
    }

    @Test func weakDigestsDoNotCount() {
        // Parrot's and Garuda's lists have MD5 and SHA-1, too.
        let text = "\(String(repeating: "a", count: 32))  x.iso\n\(String(repeating: "a", count: 40))  x.iso\n"
        #expect(finding(text, "https://h/x.iso") == .nothing)
        #expect(finding(text + "\(Self.sha256)  x.iso", "https://h/x.iso") == .digest(Self.sha256))
    }

    @Test func debiansBuildsHaveBase64InJSON() {
        let text = """
            {"items":[{"kind":"Build","data":{"packages":[{"name":"adduser","version":"3.152"}]},"metadata":{}},
             {"apiVersion":"cloud.debian.org/v1alpha1","kind":"Upload",
              "data":{"familyRef":null,"provider":"cloud.debian.org",
               "ref":"trixie/20250814-2204/debian-13-genericcloud-amd64-20250814-2204.qcow2"},
              "metadata":{"annotations":{"cloud.debian.org/digest":
               "sha512:12EiyHyUDRq5M09DB8mMAdxC8LSaIM3fJ41ZuS00q2PQWsH0Df/aPS0y44Hwl3Bu7mzL95pZa/ssuz2DxjWuNQ"}}}]}
            """
        let digest =
            "d76122c87c940d1ab9334f4307c98c01dc42f0b49a20cddf278d59b92d34ab63"
            + "d05ac1f40dffda3d2d32e381f097706eee6ccbf79a596bfb2cbb3d83c635ae35"
        let folder = "https://cloud.debian.org/images/cloud/trixie/20250814-2204"
        #expect(finding(text, "\(folder)/debian-13-genericcloud-amd64-20250814-2204.qcow2") == .digest(digest))
        #expect(finding(text, "\(folder)/debian-13-genericcloud-amd64-20250814-2204.raw") == .nothing)
    }

    @Test func streamsAndTemplatesAreRead() {
        let coreos = """
            {"architectures":{"x86_64":{"artifacts":{"nutanix":{"release":"44.20260707.3.1","formats":{"qcow2":{"disk":{
             "location":"https://h/44.20260707.3.1/x86_64/fedora-coreos-44.20260707.3.1-nutanix.x86_64.qcow2",
             "signature":"https://h/x.sig","sha256":"\(Self.sha256)"}}}}}}}}
            """
        #expect(
            finding(coreos, "https://h/44.20260707.3.1/x86_64/fedora-coreos-44.20260707.3.1-nutanix.x86_64.qcow2")
                == .digest(Self.sha256))
        let oracle = #"{"base_url":"https://h","kvm":{"image":"OL10U1_x86_64-kvm-b291.qcow2","sha256":"SUM"}}"#
            .replacing("SUM", with: Self.sha256.uppercased())
        #expect(finding(oracle, "https://h/OL10U1_x86_64-kvm-b291.qcow2") == .digest(Self.sha256))
        let arch = #"[{"file_name":"Arch-Linux-x86_64-basic.qcow2","size":5,"file_sha256":"SUM"}]"#
            .replacing("SUM", with: Self.sha256)
        #expect(finding(arch, "https://h/Arch-Linux-x86_64-basic.qcow2") == .digest(Self.sha256))
        for broken in ["{", #"{"image":"x","sha256":"12"}"#, "{\"image\":\"x\",\"sha256\":5}", "[[[[[[[1]]]]]]]"] {
            #expect(DigestList(broken).isEmpty)
        }
        #expect(DigestList(String(repeating: "[", count: 100_000)).isEmpty)
    }

    /// Foundation's reader tries each value three times, and writes down where it is each time.
    @Test(.timeLimit(.minutes(1))) func documentsOfAnyFormCostLittle() {
        let start = ContinuousClock.now
        let ones = Array(repeating: "1", count: 1_500_000).joined(separator: ",")
        for depth in [1, 30] {
            let text = String(repeating: "[", count: depth) + ones + String(repeating: "]", count: depth)
            #expect(DigestList(text).isEmpty)
        }
        #expect(ContinuousClock.now - start < .seconds(30))
        // One that two readers may understand in two ways says nothing.
        let twice = #"[{"image":"x","sha256":"SUM","image":"y"}]"#.replacing("SUM", with: Self.sha256)
        #expect(DigestList(twice).isEmpty)
        let once = twice.replacing(#","image":"y""#, with: "")
        #expect(DigestList(once).names == ["x"])
        #expect(DigestList("\u{FEFF}" + once).names == ["x"])
    }

    @Test func namesHaveFoldersOfTheirOwn() {
        let netbsd = "SHA512 (NetBSD-10.1/images/NetBSD-10.1-amd64.iso) = \(Self.sha512)"
        #expect(
            finding(netbsd, "https://cdn.netbsd.org/pub/NetBSD/images/10.1/NetBSD-10.1-amd64.iso")
                == .digest(Self.sha512))
        #expect(finding("\(Self.sha256)  ./Nobara-42.iso", "https://h/Nobara-42.iso") == .digest(Self.sha256))
    }
}
