import Testing

@testable import Publisher
@testable import Upstream

/// Lists of digests as they are found beside images.
@Suite struct DigestListTests {
    private static let hex = String(repeating: "aB", count: 32)
    private static let other = String(repeating: "1c", count: 32)
    private static let long = String(repeating: "0d", count: 64)
    private static let digest = DigestList.Finding.digest(hex.lowercased())

    private func finding(
        _ text: String, _ path: String = "https://h/pub/20261116/disk.raw", isOwn: Bool = false
    ) -> DigestList.Finding {
        DigestList(text).finding(for: [path], isOwn: isOwn)
    }

    @Test(
        arguments: [
            "HEX  disk.raw", "HEX *disk.raw", "HEX disk.raw", "HEX\tdisk.raw", "HEX  ./disk.raw", "HEX  disk.raw\r\n",
            "\u{FEFF}HEX  disk.raw",
            "SHA256 (disk.raw) = HEX", "SHA2-256(disk.raw)= HEX", "SHA256(disk.raw)= HEX", "SHA256(disk.raw) = HEX",
            "HEX  20261116/disk.raw",
            "HEX  pub/20261116/disk.raw", "HEX  /srv/build/disk.raw", "HEX *./20261116/disk.raw",
            "sha256:HEX  disk.raw", "  HEX  disk.raw  ",
            "\\HEX  disk.raw", "\\SHA256 (disk.raw) = HEX", "HEX  disk.raw\nOTHER  other.raw",
            "OTHER  20261109/disk.raw\nHEX  20261116/disk.raw",
            "OTHER  old/disk.raw\nHEX  disk.raw", "HEX  disk.raw\nHEX *disk.raw", "SHA512 (x) = HEX\nHEX  disk.raw",
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nHEX  disk.raw\n-----BEGIN PGP SIGNATURE-----\nOTHER  disk.raw\n-----END PGP SIGNATURE-----",
            "-----BEGIN PGP SIGNED MESSAGE-----\n\n- -dash\n- HEX  disk.raw\n-----BEGIN PGP SIGNATURE-----\n",
            "# SHA256 HASH\nHEX  disk.raw\n# BLAKE2S HASH\nOTHER  disk.raw",
            "BLAKE2s (disk.raw) = OTHER\nHEX  disk.raw",
            "SHA3-256(disk.raw)= OTHER\nSHA2-256(disk.raw)= HEX",
        ])
    func aFileIsFoundHoweverTheListWritesIt(list: String) {
        let text = list.split(separator: "HEX", omittingEmptySubsequences: false).joined(separator: Self.hex)
            .split(separator: "OTHER", omittingEmptySubsequences: false).joined(separator: Self.other)
        #expect(finding(text) == Self.digest)
    }

    @Test func namesOfAnyKindAreFound() {
        #expect(
            DigestList("\\\(Self.hex)  a\\\\b\\nc").finding(
                for: ["https://h/a%5Cb%0Ac", "https://h/a\\b\nc"], isOwn: false) == Self.digest)
        #expect(
            DigestList("\(Self.hex)  a+b c~.raw").finding(
                for: ["https://h/a%2Bb%20c~.raw", "https://h/a+b c~.raw"], isOwn: false) == Self.digest)
        #expect(
            DigestList("\(Self.hex)  a%2Bb").finding(for: ["https://h/a%2Bb", "https://h/a+b"], isOwn: false)
                == Self.digest)
        #expect(
            DigestList("SHA256 (a (1) = b.raw) = \(Self.hex)").finding(for: ["h/a (1) = b.raw"], isOwn: false)
                == Self.digest)
        #expect(finding("\(Self.hex)  both\n\(Self.long)  both", "h/both") == .digest(Self.long))
    }

    @Test func aListOfItsOwnNeedsNoName() {
        for list in [
            Self.hex, "\(Self.hex)  -", "SHA2-256(stdin)= \(Self.hex)", "(stdin)= \(Self.hex)\n\(Self.hex) *-",
            "\(Self.hex)  built-as.img",
        ] {
            #expect(finding(list, isOwn: true) == Self.digest, "\(list)")
            #expect(finding(list, isOwn: false) == .nothing, "\(list)")
        }
        #expect(finding("\(Self.hex)  a\n\(Self.other)  b", isOwn: true) == .nothing)
    }

    @Test func whatAListDoesNotSayIsNotMadeUp() {
        #expect(finding("\(Self.hex)  other.raw") == .nothing)
        #expect(finding("\(Self.hex)  disk.raw.sig") == .nothing)
        #expect(finding("zz\(Self.hex.dropFirst(2))  disk.raw") == .nothing)
        #expect(finding("BLAKE2B (disk.raw) = \(Self.long)") == .nothing)
        #expect(finding("\(Self.hex)  disk.raw\n\(Self.other)  disk.raw") == .contradiction)
        #expect(finding("\(Self.hex)  a/disk.raw\n\(Self.other)  b/disk.raw") == .contradiction)
        #expect(DigestList("<!DOCTYPE html><title>Not found</title>").isEmpty)
    }

    @Test func theUsualPlacesAreBesideThePathWhateverTheQueryHolds() {
        func places(_ url: String, _ list: String? = nil) -> [String] {
            DigestListChoice(list).candidates(for: url).map(\.url)
        }
        let plain = places("https://h/a/d.raw")
        #expect(plain.first == "https://h/a/SHA256SUMS")
        #expect(plain.contains("https://h/a/d.raw.sha256"))
        let query = places("https://h/a/d.raw?path=/x/y&r=https://z/#top")
        #expect(Array(query.prefix(plain.count)) == plain)
        #expect(query.contains("https://h/a/d.raw.sha512?path=/x/y&r=https://z/"))
        #expect(places("https://h/a/d.raw#top") == plain)
        #expect(places("https://h/a/d.raw?x=/y", "LIST") == ["https://h/a/LIST"])
        #expect(DigestListChoice("d.raw.sha256").candidates(for: "https://h/a/d.raw?x").map(\.isOwn) == [true])
    }
}
