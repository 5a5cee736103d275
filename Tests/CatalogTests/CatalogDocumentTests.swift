import Catalog
import TestSupport
import Testing

@Suite struct CatalogDocumentTests {
    private static let example = """
        {"format": "oscircular-catalog/1", "name": "Example", "description": "…", "updated": "2026-11-16T03:12:00Z",
         "blocks": "blocks/", "mirrors": ["https://a.example.org/os/"], "future": {"a": [1]},
         "distributions": [
           {"id": "debian", "title": "Debian 12 “bookworm”", "summary": "…", "homepage": "https://debian.org",
            "architecture": "x86_64", "supportEnds": "2028-06-30",
            "guest": {"memoryMiB": 1024, "cpus": 1, "firmware": "bios", "media": "disk", "login": "root"},
            "versions": [
              {"id": "2026-11-09", "published": "2026-11-09T03:12:00Z", "index": "debian/2026-11-09.caibx", "size": 512},
              {"id": "2026-11-16", "published": "2026-11-16T03:12:00Z", "notes": "openssl 3.0.17",
               "index": "debian/2026-11-16.caibx", "bootSet": "debian/2026-11-16.bootset",
               "size": 1572864000, "storedSize": 348900481,
               "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
               "guest": {"memoryMiB": 2048, "adapter": "none"}}]}]}
        """

    private func decode(_ text: String) throws -> CatalogDocument { try CatalogDocument.decode(Array(text.utf8)) }

    private func replacing(_ part: String, _ other: String) throws -> String {
        let example = CatalogDocumentTests.example
        let range = try #require(example.firstRange(of: part))
        return example[..<range.lowerBound] + other + example[range.upperBound...]
    }

    @Test func readsTheDocumentedExample() throws {
        let document = try decode(CatalogDocumentTests.example)
        #expect(document.mirrors == ["https://a.example.org/os/"])
        let debian = try #require(document.distribution("debian"))
        #expect(debian.title == "Debian 12 “bookworm”")
        #expect(debian.supportEnds?.description == "2028-06-30")
        #expect(debian.versions.map(\.id.text) == ["2026-11-16", "2026-11-09"])
        let newest = debian.versions[0]
        #expect(newest.size == 1_572_864_000)
        #expect(newest.storedSize == 348_900_481)
        #expect(
            debian.guest(of: newest)
                == GuestSettings(
                    memoryMiB: 2048, cpus: 1, firmware: .bios, media: .disk, adapter: .absent, login: "root"))
        #expect(debian.versions[1].bootSet == nil)
        #expect(debian.versions[1].guest == GuestSettings())
    }

    private static let warm = """
        {"record": "debian/2026-11-16.pc-q35-7.2.tcg.qemu64.warm.json", "index": "debian/2026-11-16.pc-q35-7.2.tcg.qemu64.caibx",
         "size": 24000000, "storedSize": 24000100, "accelerator": "tcg", "machine": "pc-q35-7.2", "processor": "qemu64", "bootSeconds": 31}
        """

    private func states(_ list: String) throws -> [PublishedWarmState] {
        let text = try replacing(#""guest": {"memoryMiB": 2048"#, #""warm": \#(list), "guest": {"memoryMiB": 2048"#)
        return try decode(text).distributions[0].versions[0].warm
    }

    @Test func guestsThatWereSavedAreListedAndWrittenAgain() throws {
        let states = try states("[\(CatalogDocumentTests.warm)]")
        #expect(states.map(\.processor) == ["qemu64"])
        var document = try decode(CatalogDocumentTests.example)
        document.distributions[0].versions[0].warm = states
        #expect(try CatalogDocument.decode(try document.encode()) == document)
        #expect(
            document.distributions[0].versions[0].targets == [
                "debian/2026-11-16.caibx", "debian/2026-11-16.bootset", states[0].record, states[0].index,
            ])
        #expect(!String(decoding: try decode(CatalogDocumentTests.example).encode(), as: UTF8.self).contains("warm"))
    }

    @Test func aSavedGuestThatIsNotUnderstoodIsLeftOutAndItsVersionBoots() throws {
        for (part, other) in [
            ("tcg\"", "hvf\""), ("\"size\": 24000000", "\"size\": -1"), ("debian/2026", "../debian/2026"),
            ("caibx\"", "idx\""), ("\"machine\": \"pc-q35-7.2\"", "\"machine\": \"a'b\""), ("31}", "\"soon\"}"),
            ("\"size\": 24000000", "\"size\": 99999999999999"),
        ] {
            let range = try #require(CatalogDocumentTests.warm.firstRange(of: part))
            let changed = CatalogDocumentTests.warm.replacingCharacters(range, other)
            #expect(try states("[\(changed), \(CatalogDocumentTests.warm)]").count == 1, "\(part)")
        }
        #expect(try states("\"none\"").isEmpty)
        #expect(try states("{}").isEmpty)
        #expect(
            try states("[\(Array(repeating: CatalogDocumentTests.warm, count: 40).joined(separator: ","))]").count == 16
        )
        // A publisher does not get as far as to sign one.
        var document = try decode(CatalogDocumentTests.example)
        var state = try states("[\(CatalogDocumentTests.warm)]")[0]
        state.record = "debian/x.json"
        document.distributions[0].versions[0].warm = [state]
        #expect(throws: CatalogError.self) { try document.encode() }
    }

    private static let pack = """
        {"pack": "debian/2026-11-16.from-2026-11-09.bootpack", "basis": "2026-11-09", "size": 59000000, "storedSize": 23000000}
        """

    private func packs(_ list: String) throws -> [PublishedPack] {
        let text = try replacing(#""guest": {"memoryMiB": 2048"#, #""packs": \#(list), "guest": {"memoryMiB": 2048"#)
        return try decode(text).distributions[0].versions[0].packs
    }

    @Test func bootPacksAreListedAndWrittenAgain() throws {
        let full = PublishedPack(pack: "debian/2026-11-16.bootpack", size: 1, storedSize: 2)
        let packs = try packs("[\(CatalogDocumentTests.pack)]") + [full]
        #expect(packs[0].basis == "2026-11-09" && packs[0].storedSize == 23_000_000)
        var document = try decode(CatalogDocumentTests.example)
        document.distributions[0].versions[0].packs = packs
        #expect(try CatalogDocument.decode(try document.encode()) == document)
        #expect(
            document.distributions[0].versions[0].targets == [
                "debian/2026-11-16.caibx", "debian/2026-11-16.bootset", packs[0].pack, full.pack,
            ])
        #expect(!String(decoding: try decode(CatalogDocumentTests.example).encode(), as: UTF8.self).contains("packs"))
        let version = try #require(VersionID("2026-11-16"))
        #expect(PublishedPack.name("debian", version) == full.pack)
        #expect(PublishedPack.name("debian", version, basis: VersionID("2026-11-09")) == packs[0].pack)
    }

    @Test func aBootPackThatIsNotUnderstoodIsLeftOutAndItsVersionBoots() throws {
        for (part, other) in [
            ("debian/2026", "../debian/2026"), (".bootpack", ".pack"), ("\"size\": 59000000", "\"size\": 0"),
            ("\"size\": 59000000", "\"size\": 99999999999999"), ("\"size\": 59000000", "\"size\": -1"),
            ("\"basis\": \"2026-11-09\"", "\"basis\": \"last\""), ("23000000}", "\"few\"}"), ("23000000}", "0}"),
        ] {
            let range = try #require(CatalogDocumentTests.pack.firstRange(of: part))
            let changed = CatalogDocumentTests.pack.replacingCharacters(range, other)
            #expect(try packs("[\(changed), \(CatalogDocumentTests.pack)]").count == 1, "\(part)")
        }
        #expect(try packs("\"none\"").isEmpty)
        let many = Array(repeating: CatalogDocumentTests.pack, count: 40).joined(separator: ",")
        #expect(try packs("[\(many)]").count == 8)
        // A publisher does not get as far as to sign one.
        var document = try decode(CatalogDocumentTests.example)
        document.distributions[0].versions[0].packs = [PublishedPack(pack: "debian/x.json", size: 1, storedSize: 1)]
        #expect(throws: CatalogError.self) { try document.encode() }
    }

    @Test func whatCanBeATemplateSaysSoOrTakesASeed() throws {
        let document = try decode(try replacing(#""login": "root""#, #""login": "root", "park": true"#))
        let read = document.distributions[0]
        #expect(read.guest.park == true && read.guest.canPark)
        #expect(read.versions[0].guest.merged(over: read.guest).canPark)
        let silent = try decode(CatalogDocumentTests.example)
        #expect(!silent.distributions[0].guest.canPark)
        #expect(GuestSettings(seed: .nocloud).canPark)
        #expect(!GuestSettings(seed: .nocloud, park: false).canPark)
        #expect(!GuestSettings(seed: .ignition).canPark)
        // What is written is read again; where nothing is said, no key is written.
        #expect(try CatalogDocument.decode(try document.encode()) == document)
        #expect(!String(decoding: try silent.encode(), as: UTF8.self).contains("park"))
    }

    @Test func settingsOfTheFirstBootAreReadAndUnknownWordsAreLeftOut() throws {
        let known = #""login": "root", "seed": "nocloud", "user": "debian", "cpuLevel": "x86-64-v3""#
        let read = try decode(try replacing(#""login": "root""#, known)).distributions[0]
        #expect((read.guest.seed, read.guest.user, read.guest.cpuLevel) == (.nocloud, "debian", .v3))
        // A version's own settings count before its distribution's, as ever.
        #expect(read.versions[0].guest.merged(over: read.guest).user == "debian")
        let later = #""login": "root", "seed": "telepathy", "cpuLevel": "x86-64-v9""#
        let guest = try decode(try replacing(#""login": "root""#, later)).distributions[0].guest
        #expect(guest == GuestSettings(memoryMiB: 1024, cpus: 1, firmware: .bios, media: .disk, login: "root"))
        // What is written is read again.
        let document = try decode(try replacing(#""login": "root""#, known))
        #expect(try CatalogDocument.decode(try document.encode()) == document)
    }

    @Test(arguments: ["Debian", "-l", "a b", "", "ä", "x;y"])
    func aUserOfAnotherFormIsRefused(_ user: String) throws {
        let text = try replacing(#""login": "root""#, #""user": "\#(user)""#)
        let error = try #require(throws: CatalogError.self) { try decode(text) }
        #expect("\(error)".contains("user"), "\(error)")
    }

    @Test(arguments: [
        ("\"name\":", "\"name\": \"a\", \"name\":"),
        ("\"distributions\":", "\"distributions\": [], \"distributions\":"),
        ("\"size\": 512", "\"size\": 512, \"s\\u0069ze\": 513"), ("\"a\": [1]", "\"a\": 1, \"a\": 2"),
    ])
    func aKeyThatIsThereTwiceIsRefused(part: String, other: String) throws {
        let error = try #require(throws: CatalogError.self) { try decode(try replacing(part, other)) }
        #expect("\(error)".contains("twice in one object"), "\(error)")
    }

    @Test func numbersThatNobodyKnowsMayBeFractions() throws {
        #expect(try decode(try replacing("\"a\": [1]", "\"a\": [1.5, -2e9, 0.25E-3]")).distributions.count == 1)
    }

    @Test func whatIsWrittenIsReadAndStaysTheSame() throws {
        let document = try decode(CatalogDocumentTests.example)
        let bytes = try document.encode()
        #expect(try CatalogDocument.decode(bytes) == document)
        #expect(try CatalogDocument.decode(bytes).encode() == bytes)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("\\/"))
    }

    @Test(arguments: ["\"oscircular-catalog/2\"", "\"x\"", "null"])
    func anUnknownFormatIsRefusedFirst(format: String) {
        let error = #expect(throws: CatalogError.self) { try decode("{\"format\": \(format), \"distributions\": 7}") }
        guard case .unknownFormat = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(arguments: ["", "{", "[]", "7", "null", "{\"format\": 1}", "\u{0}"])
    func otherBytesAreRefused(text: String) {
        #expect(throws: CatalogError.self) { try decode(text) }
    }

    @Test(arguments: [
        "\"../2026-11-16.caibx\"", "\"/etc/passwd\"", "\"http://x/y\"", "\"a//b\"", "\"a/./b\"", "\"a/\"", "\"\"",
        "\"a/%2e%2e/b\"", "\"a\\\\b\"", "\"a?b\"", "7", "null",
    ])
    func anIndexOutsideTheTreeIsRefused(path: String) throws {
        try expectMalformed("\"debian/2026-11-16.caibx\"", path)
    }

    @Test(arguments: [
        ("\"debian/2026-11-16.bootset\"", "\"a/../../b\""), ("\"blocks/\"", "\"../blocks/\""), ("\"blocks/\"", "\"/\""),
        ("\"id\": \"debian\"", "\"id\": \"Debian\""), ("\"id\": \"debian\"", "\"id\": \"\""),
        ("\"id\": \"debian\"", "\"id\": \"a/b\""), ("\"id\": \"2026-11-16\"", "\"id\": \"2026-02-30\""),
        ("\"id\": \"2026-11-16\"", "\"id\": \"2026-11-16.a\""), ("\"id\": \"2026-11-16\"", "\"id\": \"2026-11-09\""),
        ("1572864000", "-1"), ("1572864000", "1e30"), ("1572864000", "9223372036854775808"), ("348900481", "-1"),
        ("\"bios\"", "\"coreboot\""), ("\"disk\"", "\"floppy\""), ("1024", "0"), ("\"sha256:e3", "\"sha256:zz"),
        ("https://a.example.org/os/", "javascript:alert(1)"), ("https://a.example.org/os/", "ftp://a/"),
        ("https://a.example.org/os/", "https://"), ("\"updated\": \"2026", "\"updated\": \"26"),
        ("2028-06-30", "2028-06-31"),
    ])
    func impossibleValuesAreRefused(part: String, other: String) throws { try expectMalformed(part, other) }

    private func expectMalformed(_ part: String, _ other: String) throws {
        let text = try replacing(part, other)
        let error = #expect(throws: CatalogError.self) { try decode(text) }
        guard case .malformed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func anErrorNamesItsPlace() throws {
        let text = try replacing("\"size\": 1572864000, ", "")
        #expect(throws: CatalogError.malformed(place: "distributions[0].versions[1].size", reason: "is missing")) {
            try decode(text)
        }
    }

    @Test func boundsHold() {
        #expect(throws: CatalogError.tooLarge(size: 16_777_217, limit: 16_777_216)) {
            try CatalogDocument.decode([UInt8](repeating: 0x20, count: 16_777_217))
        }
        var document = CatalogDocument(name: "n", updated: Timestamp(seconds: 0))
        document.distributions = (0...10_000).map { Distribution(id: "d\($0)") }
        #expect(throws: CatalogError.malformed(place: "distributions", reason: "10001 entries, more than 10000")) {
            try document.encode()
        }
        document.distributions = [Distribution(id: "d", title: String(repeating: "é", count: 2000))]
        #expect(throws: CatalogError.malformed(place: "distributions[0].title", reason: "4000 bytes, more than 2048")) {
            try document.encode()
        }
    }

    @Test func randomDamageNeverCrashes() {
        var random = SeededRandom(seed: 3)
        let good = Array(CatalogDocumentTests.example.utf8)
        for _ in 0..<500 {
            var bytes = good
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            // What is accepted can be written again.
            if let document = try? CatalogDocument.decode(bytes) { #expect((try? document.encode()) != nil) }
        }
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String {
        self[..<range.lowerBound] + other + self[range.upperBound...]
    }
}
