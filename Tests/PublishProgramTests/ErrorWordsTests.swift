import Catalog
import ContentAddress
import Curl
import Foundation
import ImageIndex
import Linux
import ObjectStore
import TUF
import Testing
import Zlib
import Zstd

@testable import Publisher
@testable import oscircular_publish

/// No message shows the program's insides: every error that `oscircular-publish` can print, in words.
@Suite struct ErrorWordsTests {
    private static let call = SystemCallError(code: 28, call: "write", subject: "/srv/os/x")
    private static let count = SignatureCount(
        of: SignedDocument(signed: .object(NameTable()), signatures: []), by: RoleKeys(keyIDs: [], threshold: 2),
        among: NameTable())
    private static let json: [JSONError] = [
        .tooLong(limit: 9), .tooDeep(limit: 9), .invalidText(offset: 0), .syntax(offset: 0), .duplicateKey("a"),
        .notAnInteger(offset: 3),
    ]
    private static let faults: [MetadataFault] =
        json.map { .json($0) } + [
            .field("signed.roles"), .tooMany("signed.roles", limit: 9), .repeatedSignature(keyID: "0a"),
            .type(expected: "root", found: "snapshot"),
            .specificationVersion("2.0"),
        ]
    private static let untrusted: [UntrustedReason] =
        faults.map { .malformed($0) } + [
            .signatures(count), .length(expected: 1, found: 2), .tooLong(limit: 9), .digest(algorithm: "sha256"),
            .noKnownDigest, .version(expected: 1, found: 2), .notInSnapshot(file: "d.json"), .endlessDelegations,
        ]
    private static let transfers: [TransferError] = [
        .notFound(url: "http://a/"), .http(url: "http://a/", status: 500), .tooLarge(url: "http://a/", limit: 9),
        .connection(url: "http://a/", code: 7, message: "no answer"), .unsupported(url: "x://a", message: "what is x"),
        .refused(url: "http://a/", message: "it leads to 10.0.0.1"),
        .cancelled,
    ]
    private static let sources: [RepositorySourceError] =
        [.notFound, .tooLong, .cancelled, .unreachable(cause: call), .damaged(.digest(algorithm: "sha256"))]
        + transfers.map { .unreachable(cause: $0) }
    private static let client: [TUFError] =
        untrusted.map { .untrusted(file: "root.json", $0) }
        + transfers.map { .unreachable(file: "root.json", cause: $0) }
        + sources.map { .unreachable(file: "root.json", cause: $0) } + [
            .expired(role: "root", since: UTCTime(seconds: 0)), .rolledBack(file: "a.json", trusted: 2, offered: 1),
            .notFound(file: "a.json"), .noTrustedRoot, .state(call), .busy, .unsafeName("../a"),
            .targetTooLong(name: "a", length: 2, limit: 1), .cancelled,
        ]
    private static let keys: [KeyFileError] = [
        .file(call), .readableByOthers(path: "/k", mode: 0o644), .needsPassphrase, .wrongPassphrase, .unsupported,
    ]
    private static let repository: [RepositoryError] =
        faults.map { .damaged(file: "metadata/timestamp.json", $0) } + keys.map { .signing(cause: $0) } + [
            .alreadyThere(path: "/srv/os"), .notARepository(path: "/srv/os"),
            .missing(file: "metadata/1.snapshot.json"),
            .tooLong(role: "targets", length: 2, limit: 1), .file(call), .busy, .waiting(roles: ["root"]),
            .missingSignatures(role: "root", count), .noSuchRole("d"), .roleExists("d"), .unsafeName("../d"),
            .unreachableThreshold(role: "root"), .signing(cause: PublisherError.key(path: "/k", reason: "it is wrong")),
        ]
    private static let catalogs: [CatalogError] = [
        .tooLarge(size: 2, limit: 1), .unknownFormat(nil), .unknownFormat("x/2"),
        .malformed(place: "distributions[0].id", reason: "is missing"), .malformed(place: "", reason: "not JSON"),
    ]
    private static let indexes: [ImageIndexError] = [
        .file(call), .notAnIndex, .truncated(expected: 2, actual: 1), .malformed(reason: "two blocks overlap"), .empty,
        .otherSize(expected: 1, actual: 2),
    ]
    private static let compression: [any Error] = [
        ZstdError.malformed(reason: "Unknown frame descriptor"), ZstdError.tooLarge(limit: 9),
        ZstdError.compression(reason: "Allocation error"), Zlib.Failure.malformed, Zlib.Failure.tooLarge(limit: 9),
        Zlib.Failure.outOfMemory,
    ]
    private static let stores: [ObjectStoreError] = [
        .noSuchBucket("b", message: "none"), .refused(code: "AccessDenied", message: ""),
        .unreachable(url: "http://a/", reason: "no answer"), .malformed(url: "http://a/", reason: "this is no list"),
        .failed(status: 400, code: "InvalidRequest", message: "what"), .cancelled,
    ]
    private static func publisher() throws -> [PublisherError] {
        let version = try #require(VersionID("2026-11-16"))
        let problems: [PublisherError.ImageProblem] = [
            .missing, .empty, .isDirectory, .isSpecial, .changed, .other("a RAR archive", cure: "unpack it"),
        ]
        return problems.map { .image(path: "/i", $0) } + transfers.map { .download($0) }
            + catalogs.flatMap { [.catalog(path: "catalog.json", $0), .catalogRefused($0)] }
            + indexes.map { .index(path: "d.caibx", $0) } + compression.map { .compression(reason: "\($0)") }
            + [.tables(folder: "/srv/t", problems: ["a.toml: x is missing", "b.toml: y", "c.toml: z", "d.toml: z"])]
            + keys.map { .key(path: "/k", reason: "\($0)") } + repository.map { PublisherError($0, tree: "/srv/os") }
            + [
                .unreadable(call), .unwritable(call), .usage(option: "--a", reason: "it is b"), .programMissing("xz"),
                .programFailed("qemu-img", status: 1, message: "no"),
                .digest(url: "http://a/", reason: "it lists nothing"),
                .unverified(url: "http://a/", reason: "there is no signature at http://a/x.sig"),
                .otherDigest(url: "http://a/", found: "1a", listed: "2b"),
                .recipe(file: "r.toml", key: "id", reason: "is missing"),
                .unchanged(distribution: "d", version: version),
                .buildFailed(program: "b", status: 1, message: "no"), .interrupted(signal: 2),
                .notATree(path: "/t", reason: "it is empty"), .notEmpty(path: "/t", holds: ["a"]), .busy(path: "/t"),
                .versionExists(distribution: "d", version: version),
                .indexTooLong(image: "/i", length: 2, limit: 1, blockSize: 8192),
                .indexTooLong(image: "/i", length: 2, limit: 1, blockSize: nil),
                .keysInTree(folder: "/t/k", tree: "/t"), .keyMissing(roles: ["root"]),
                .changeWaits(tree: "/t", roles: ["targets"]), .earlierChangeWaits(tree: "/t", roles: ["targets", "d"]),
                .metadata(reason: "it is damaged"),
                .refused(reason: "it is too long"), .noSuchVersion(distribution: "d", version: version),
                .clock(expired: "2026-11-16"), .clockBehind(now: Timestamp(seconds: 0), signed: .now),
                .clockBehind(now: Timestamp(seconds: 0), signed: nil),
                .ahead(day: version.date, today: CalendarDate(dayNumber: 0)),
                .withdrawn(distribution: "d", WithdrawnVersion(id: version, when: .now, why: "no")),
                .recordingFailed(reason: "no"), .warmFailed(reason: "the guest did not sleep"),
                .damagedBlock(path: "/b", reason: "its digest is another"),
            ]
    }
    private static let mirrors: [MirrorError] =
        client.map { .untrusted(source: "/s", reason: "\($0)") }
        + sources.map { .unreachable(source: "/s", reason: "\($0)") }
        + stores.map { .objectStore($0) } + [
            .place("/s", reason: "there is no such folder"), .otherTree(destination: "/d"),
            .notMetadata(destination: "/d"),
            .noSuchDistribution("d"), .incomplete(source: "/s", problems: ["a block is missing"]), .noCredentials,
        ]

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The names of an error's cases, from its source.
    private static func declared(_ type: String, in file: String) throws -> Set<String> {
        let text = try String(contentsOf: root.appending(path: "Sources/\(file).swift"), encoding: .utf8)
        let start = try #require(text.range(of: "enum \(type): "))
        var names: Set<String> = []
        for line in text[start.upperBound...].split(separator: "\n").dropFirst() {
            if line == "}" { break }
            guard line.hasPrefix("    case ") else { continue }
            names.insert(String(line.dropFirst(9).prefix { $0.isLetter }))
        }
        return names
    }

    /// The case's name; nil for one that holds nothing.
    private static func name(_ error: any Error) -> String? { Mirror(reflecting: error).children.first?.label }

    private static func all() throws -> [any Error] {
        var errors: [any Error] = try publisher()
        errors += mirrors
        errors += [call, VerificationFailed(problems: 2)] as [any Error]
        return errors
    }

    @Test func everyCaseIsTried() throws {
        let samples: [(String, String, [any Error])] = [
            ("PublisherError", "Publisher/PublisherError", try Self.publisher()),
            ("MirrorError", "Publisher/Mirror/MirrorError", Self.mirrors),
            ("ObjectStoreError", "ObjectStore/ObjectStoreError", Self.stores),
            ("RepositoryError", "TUF/Repository/RepositoryError", Self.repository),
            ("TUFError", "TUF/Client/TUFError", Self.client),
            ("RepositorySourceError", "TUF/Client/RepositorySource", Self.sources),
            ("MetadataFault", "TUF/Metadata/MetadataFault", Self.faults),
            ("JSONError", "TUF/JSON/JSONParser", Self.json), ("KeyFileError", "TUF/Keys/KeyFile", Self.keys),
            ("CatalogError", "Catalog/CatalogDocument", Self.catalogs),
            ("ImageIndexError", "ImageIndex/ImageIndex", Self.indexes),
            ("TransferError", "Bindings/Curl/TransferError", Self.transfers),
        ]
        let own = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
        for (type, file, errors) in samples {
            let tried = Set(errors.compactMap(Self.name))
            let declared = try Self.declared(type, in: file)
            #expect(declared.count >= 3, "\(type)")
            // Those that hold nothing have no name at run time: then this file must have them.
            let missing = declared.subtracting(tried).filter { !own.contains(".\($0),") && !own.contains(".\($0)]") }
            #expect(missing.isEmpty, "\(type): give an example of each, and look at its words")
        }
    }

    @Test func aTextThatIsTooLongIsNamedWithoutItsPlaceInTheFile() {
        let cause = CatalogError.malformed(
            place: "distributions[0].versions[3].notes", reason: "70000 bytes, more than 65536")
        let text = ErrorReport(PublisherError.catalogRefused(cause)).text
        #expect(text.hasSuffix(": the notes: 70000 bytes, more than 65536 - make it shorter"), "\(text)")
    }

    @Test func noMessageShowsTypesOrCases() throws {
        // JSONError.syntax(, damaged(file:, TUF.MetadataFault, Optional(, [any Error]
        let insides = try Regex(
            #"[A-Za-z]+Error\b|[A-Z][A-Za-z]+\.[A-Za-z]+|\b[a-z]+[A-Za-z]*\([a-z]+[A-Za-z]*: |Optional\(|\bnil\b|\[\]"#)
        for error in try Self.all() {
            let report = try #require(ErrorReport(any: error), "\(error) has no words")
            #expect(report.text.firstMatch(of: insides) == nil, "\(report.text)")
            if let name = Self.name(error) { #expect(!report.text.contains("\(name)("), "\(report.text)") }
            #expect(report.what.count > 5 && report.why.count > 1, "\(report.text)")
            #expect(report.code > 0)
        }
    }
}
