import TUF
import Testing

@Suite struct TargetTests {
    @Test(arguments: [true, false]) func downloadsATarget(isConsistent: Bool) async throws {
        let scenario = try Scenario(isConsistent: isConsistent)
        scenario.repository.addTarget("dir/file name.txt", [1, 2, 3])
        scenario.repository.publish()
        let client = try scenario.client()
        let target = try #require(try await client.target("dir/file name.txt"))
        scenario.repository.edit { contents in
            // What a URL cannot have is encoded; the simulation keeps files by the names that are asked for.
            let digest = FileIdentity(of: [1, 2, 3]).sha256 ?? ""
            contents.replaced[isConsistent ? "dir/\(digest).file%20name.txt" : "dir/file%20name.txt"] = [1, 2, 3]
        }
        #expect(try await client.download(target) == [1, 2, 3])
        #expect(target.length == 3 && target.sha256 == FileIdentity(of: [1, 2, 3]).sha256)
    }

    @Test func refusesOtherBytesThanThePublisherNamed() async throws {
        let scenario = try Scenario(isConsistent: false)
        scenario.repository.addTarget("x", [1, 2, 3])
        scenario.repository.publish()
        let client = try scenario.client()
        let target = try #require(try await client.target("x"))
        let answers: [([UInt8], UntrustedReason)] = [
            ([1, 2, 4], .digest(algorithm: "sha256")), ([1, 2], .length(expected: 3, found: 2)),
            ([1, 2, 3, 4], .tooLong(limit: 3)), ([UInt8](repeating: 0, count: 1 << 20), .tooLong(limit: 3)),
        ]
        for (bytes, reason) in answers {
            scenario.repository.edit { $0.replaced["x"] = bytes }
            do {
                _ = try await client.download(target)
                Issue.record("\(bytes.count) bytes were believed")
            } catch {
                #expect(error.reason == reason)
            }
        }
    }

    @Test func asksForNoTargetThatIsLongerThanTheCallerAllows() async throws {
        let scenario = try Scenario()
        scenario.repository.addTarget("x", [1, 2, 3])
        scenario.repository.publish()
        let client = try scenario.client()
        let target = try #require(try await client.target("x"))
        scenario.repository.forgetRequests()
        await #expect(throws: TUFError.self) { try await client.download(target, maximumLength: 2) }
        #expect(scenario.repository.requests.isEmpty)
    }

    @Test func triesTheFileNameOfEachDigest() async throws {
        let scenario = try Scenario()
        scenario.repository.addTarget("a/x", [1])
        scenario.repository.publish()
        let client = try scenario.client()
        let known = try #require(try await client.target("a/x"))
        var hashes = known.identity.hashes
        hashes["blake2b"] = "00"
        let target = TargetFile(name: "a/x", identity: FileIdentity(length: 1, hashes: hashes))
        scenario.repository.forgetRequests()
        #expect(try await client.download(target) == [1])
        #expect(scenario.repository.requests == ["a/00.x", "a/\(known.sha256 ?? "").x"])
    }

    @Test func refusesATargetWithoutAKnownDigest() async throws {
        let scenario = try Scenario(isConsistent: false)
        let client = try scenario.client()
        var hashes = NameTable<String>()
        hashes["md5"] = "00"
        let target = TargetFile(name: "x", identity: FileIdentity(length: 1, hashes: hashes))
        scenario.repository.edit { $0.replaced["x"] = [1] }
        await #expect(throws: TUFError.self) { try await client.download(target) }
    }

    @Test(arguments: [
        "", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./x", "a/./x", "a//b", "a/", "..%2fx", "a%2Fb",
        "%2e%2e/x",
        "a%5cb", "a\\b", "..\\x", "a\0b", "a%00b", "a\nb", "a\u{7f}b", String(repeating: "a", count: 5000),
    ])
    func turnsNoDangerousNameIntoAPath(_ name: String) async throws {
        let scenario = try Scenario()
        scenario.repository.addTarget(name, [1])
        scenario.repository.publish()
        let client = try scenario.client()
        let target = try #require(try await client.target(name))
        scenario.repository.forgetRequests()
        do {
            _ = try await client.download(target)
            Issue.record("it became a path")
        } catch {
            guard case .unsafeName(name) = error else { throw error }
        }
        #expect(scenario.repository.requests.isEmpty)
    }

    @Test(arguments: ["x", "a/b/c", ".hidden", "a..b", "...", "100%", "ä/ö", "debian/2026-11-16.caibx"])
    func takesHarmlessNames(_ name: String) throws {
        try TargetName.check(name)
    }
}
