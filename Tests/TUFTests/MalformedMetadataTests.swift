import TUF
import Testing

/// Metadata that is signed right and says what no role may say.
@Suite struct MalformedMetadataTests {
    /// A change to a role's signed part, and the member that it makes wrong.
    struct Change: Sendable, CustomTestStringConvertible {
        let role: String
        let path: [String]
        let value: JSONValue?
        var testDescription: String { "\(role): \(path.joined(separator: "."))" }

        init(_ role: String, _ path: String, _ value: JSONValue?) {
            (self.role, self.path, self.value) = (role, path.split(separator: "/").map(String.init), value)
        }

        func apply(to signed: inout JSONValue) {
            switch path.count {
            case 1: signed.set(path[0], value)
            case 2: signed.set(path[0], path[1], value)
            default: signed.set(path[0], path[1], path[2], value)
            }
        }
    }

    static let changes: [Change] =
        TopLevelRole.allCases.map(\.rawValue).flatMap { role -> [Change] in
            [
                Change(role, "_type", nil), Change(role, "_type", .string("other")), Change(role, "_type", .integer(1)),
                Change(role, "spec_version", nil), Change(role, "spec_version", .string("2.0.0")),
                Change(role, "spec_version", .string("0.9")), Change(role, "spec_version", .string("1")),
                Change(role, "spec_version", .string("1.x.0")), Change(role, "spec_version", .integer(1)),
                Change(role, "version", nil), Change(role, "version", .integer(0)),
                Change(role, "version", .integer(-1)), Change(role, "version", .integer(.max)),
                Change(role, "version", .integer(1 << 53)),
                Change(role, "version", .string("1")), Change(role, "version", .bool(true)),
                Change(role, "expires", nil), Change(role, "expires", .integer(1)),
                Change(role, "expires", .string("2030-01-01")),
                Change(role, "expires", .string("2030-02-30T00:00:00Z")),
                Change(role, "expires", .string("2030-01-01T00:00:00.5Z")),
                Change(role, "expires", .string("2030-01-01T00:00:00+00:00")),
            ]
        } + [
            Change("root", "keys", nil), Change("root", "keys", .array([])), Change("root", "keys/x", .null),
            Change("root", "keys/x", .object(["keytype": .string("ed25519"), "scheme": .string("ed25519")])),
            Change("root", "roles", nil), Change("root", "roles/targets", nil),
            Change("root", "roles/targets/threshold", .integer(0)), Change("root", "roles/targets/threshold", nil),
            Change("root", "roles/targets/keyids", .string("x")),
            Change("root", "roles/targets/keyids", .array([.integer(1)])),
            Change("root", "roles/targets/keyids", .array([.string("a"), .string("a")])),
            Change("root", "roles/more", .object(["keyids": .array([]), "threshold": .integer(1)])),
            Change("root", "roles/mirrors", .object(["keyids": .array([]), "threshold": .integer(1)])),
            Change("root", "consistent_snapshot", .integer(1)),
            Change("timestamp", "meta/targets.json", .object(["version": .integer(1)])),
            Change("timestamp", "meta/other.json", .object(["version": .integer(1)])),
            Change("timestamp", "meta/snapshot.json/version", .integer(.max)),
            Change("snapshot", "meta/targets.json/version", .integer(.max)),
            Change("timestamp", "meta", nil), Change("timestamp", "meta/snapshot.json", nil),
            Change("timestamp", "meta/snapshot.json/version", .integer(0)),
            Change("timestamp", "meta/snapshot.json/length", .integer(0)),
            Change("timestamp", "meta/snapshot.json/length", .string("1")),
            Change("timestamp", "meta/snapshot.json/hashes", .object(NameTable())),
            Change("timestamp", "meta/snapshot.json/hashes", .object(["sha256": .integer(1)])),
            Change("snapshot", "meta", .array([])), Change("snapshot", "meta/targets.json", .null),
            Change("snapshot", "meta/targets.json/version", .string("1")),
            Change("targets", "targets", nil), Change("targets", "targets/x", .integer(1)),
            Change("targets", "targets/x", .object(["length": .integer(1)])),
            Change("targets", "targets/x", .object(["hashes": .object(["sha256": .string("ab")])])),
            Change(
                "targets", "targets/x",
                .object(["length": .integer(-1), "hashes": .object(["sha256": .string("ab")])])),
            Change("targets", "delegations", .null), Change("targets", "delegations/keys", .object(NameTable())),
        ]

    @Test(arguments: changes) func refusesIt(_ change: Change) async throws {
        let scenario = try Scenario()
        scenario.repository.edit { contents in
            if change.role == "root" {
                var signed = contents.root
                signed.bump()
                change.apply(to: &signed)
                contents.replaced["2.root.json"] =
                    SimulatedRepository.sign(signed, contents.signers["root"] ?? []).bytes
            } else {
                var signed = contents.signed[change.role] ?? .null
                change.apply(to: &signed)
                let path = change.role == "timestamp" ? "timestamp.json" : "1.\(change.role).json"
                contents.replaced[path] =
                    SimulatedRepository.sign(signed, contents.signers[change.role] ?? []).bytes
            }
        }
        guard case .malformed? = try await scenario.failure()?.reason else {
            Issue.record("it was believed")
            return
        }
        #expect(try scenario.store.version(change.role) == (change.role == "root" ? 1 : nil))
    }

    @Test(arguments: ["", "{}", "[]", "not JSON", "{\"signatures\":[],\"signed\":1}", "{\"signed\":{}}"])
    func refusesFilesThatAreNoMetadata(_ text: String) async throws {
        for path in ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"] {
            let scenario = try Scenario()
            scenario.repository.edit { $0.replaced[path] = Array(text.utf8) }
            guard case .malformed? = try await scenario.failure()?.reason else {
                Issue.record("\(path) was believed")
                continue
            }
        }
    }

    @Test func refusesAHundredMegabytes() async throws {
        let scenario = try Scenario()
        scenario.repository.edit { contents in
            contents.replaced["1.targets.json"] = [UInt8](repeating: UInt8(ascii: "["), count: 100_000_000)
        }
        #expect(try await scenario.failure()?.reason == .tooLong(limit: ClientLimits().targetsLength))
    }

    @Test func takesAnySpecificationOfTheFirstMajorNumber() async throws {
        for version in ["1.0", "1.0.0", "1.0.34", "1.99.1"] {
            let scenario = try Scenario()
            scenario.repository.edit { $0.signed["timestamp"]?.set("spec_version", .string(version)) }
            try await scenario.refresh()
        }
    }

    @Test func readsTimesToTheSecond() throws {
        #expect(UTCTime("1970-01-01T00:00:00Z")?.seconds == 0)
        #expect(UTCTime("2026-11-16T03:12:00Z")?.seconds == 1_794_798_720)
        #expect(UTCTime("2000-02-29T23:59:59Z")?.seconds == 951_868_799)
        for seconds in [0, 1, 951_868_799, 1_794_798_720, 4_102_444_800, 253_402_300_799] {
            #expect(UTCTime(UTCTime(seconds: seconds).description)?.seconds == seconds)
        }
        for text in ["2026-11-16T24:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-16 03:12:00Z"] {
            #expect(UTCTime(text) == nil, "\(text)")
        }
    }
}
