import Glibc
import Linux
import TestSupport
import Testing

/// Looks at whole trees, and repairs.
@Suite struct VerifyTests {
    private let fixture: TreeFixture

    init() throws { fixture = try TreeFixture() }

    private var folder: TemporaryDirectory { fixture.folder }

    private func incremental() async throws -> (status: Int32, stdout: String, stderr: String) {
        try await fixture.run("verify", fixture.tree, "--incremental")
    }

    @Test func whatWasReadIsNotReadAgainUntilItChanges() async throws {
        try await fixture.make()
        #expect(try await incremental().stdout.contains("7 blocks, "))
        #expect(try await incremental().stdout.contains("7 blocks (7 not read again)"))
        // A week later: its blocks are used again, and one is new.
        try await fixture.must("add", fixture.tree, "debian", "2026-11-23", try fixture.image([1, 2, 4, 6]))
        #expect(try await incremental().stdout.contains("8 blocks (7 not read again)"))
        try fixture.damage(fixture.blocks()[3])
        let found = try await incremental()
        #expect(found.status == 65)
        #expect(found.stderr.contains("is damaged"))
        // What was found is found again.
        #expect(try await incremental().status == 65)
    }

    @Test func whatADiskForgotIsFoundByAFullLook() async throws {
        try await fixture.make()
        #expect(try await incremental().status == 0)
        let name = folder.file(fixture.blocks()[0])
        var status = stat()
        try #require(stat(name, &status) == 0)
        try fixture.damage(fixture.blocks()[0])
        // As if nobody had written: the file looks as it did.
        utimensat(AT_FDCWD, name, [status.st_atim, status.st_mtim], 0)
        #expect(try await incremental().status == 0)
        #expect(try await fixture.run("verify", fixture.tree).status == 65)
    }

    @Test func aRecordThatIsNoneIsIgnored() async throws {
        try await fixture.make()
        #expect(try await incremental().status == 0)
        try AtomicFile.write("oscircular-verified 1\nrubbish", to: "\(fixture.tree)/blocks/.verified")
        #expect(try await incremental().stdout.contains("7 blocks, "))
    }

    @Test(arguments: [false, true])
    func damageIsReplacedFromAnotherCopy(overHTTP: Bool) async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        let blocks = fixture.blocks()
        try fixture.damage(blocks[0])
        unlink(folder.file(blocks[1]))
        truncate(folder.file(blocks[2]), 0)
        let index = try #require(folder.files(below: "tree/targets").first { $0.hasSuffix(".2026-11-09.caibx") })
        truncate(folder.file(index), 100)
        #expect(try await fixture.run("verify", fixture.tree).status == 65)
        let server = try FaultyHTTPServer(folder: fixture.copy)
        let said = try await fixture.must("verify", fixture.tree, "--repair", overHTTP ? server.url : fixture.copy)
        #expect(said.contains("4 files replaced: no problems found"), "\(said)")
        try await fixture.must("verify", fixture.tree)
    }

    @Test func damageThatBothCopiesHaveStaysAProblem() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        let block = fixture.blocks()[0]
        try fixture.damage(block)
        try fixture.damage("copy" + block.dropFirst(4))
        let before = try folder.bytes(block)
        let result = try await fixture.run("verify", fixture.tree, "--repair", fixture.copy)
        #expect(result.status == 65)
        #expect(result.stderr.contains("1 problem,"))
        #expect(try folder.bytes(block) == before)
        #expect(try await fixture.run("verify", fixture.tree, "--repair", folder.file("none")).status == 66)
    }

    @Test func signaturesAreChecked() async throws {
        try await fixture.make()
        try await fixture.must("key", "delegate", fixture.tree, "debian")
        let names = ["timestamp.json", "1.debian.json", "1.root.json"]
        for name in names {
            let path = "tree/metadata/\(name)"
            let right = try folder.bytes(path)
            let text = String(decoding: right, as: UTF8.self)
            // Another digit in a signature.
            let place = try #require(text.range(of: "\"sig\"")).upperBound
            let digit = try #require(text[place...].dropFirst(20).firstIndex { $0.isHexDigit })
            var wrong = text
            wrong.replaceSubrange(digit...digit, with: text[digit] == "0" ? "1" : "0")
            try AtomicFile.write(wrong, to: folder.file(path))
            let result = try await fixture.run("verify", fixture.tree)
            #expect(result.status == 65, "\(name)")
            #expect(result.stderr.contains("metadata: "), "\(name): \(result.stderr)")
            try AtomicFile.write(right, to: folder.file(path))
        }
        try await fixture.must("verify", fixture.tree)
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<String.Index>? { firstRange(of: text) }
}
