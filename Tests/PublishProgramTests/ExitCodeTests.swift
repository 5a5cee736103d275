import Catalog
import Curl
import Foundation
import ImageIndex
import Linux
import ObjectStore
import Testing

@testable import Publisher
@testable import oscircular_publish

/// Exit codes are what scripts and timers go by: each error has the one that the man page gives it.
@Suite struct ExitCodeTests {
    private static func call(_ code: Int32, _ call: String = "open") -> SystemCallError {
        SystemCallError(code: code, call: call, subject: "/srv/os/x")
    }

    /// By exit code.
    private static func samples() throws -> [(code: Int32, errors: [any Error])] {
        let version = try #require(VersionID("2026-11-16"))
        let url = "http://a/"
        func image(_ problem: PublisherError.ImageProblem) -> PublisherError { .image(path: "/i", problem) }
        let other: [PublisherError] = [
            .compression(reason: "no memory"), .unchanged(distribution: "d", version: version),
            .buildFailed(program: "b", status: 9, message: "no"), .download(.cancelled), .unreadable(call(EIO)),
        ]
        let usage: [PublisherError] = [
            .usage(option: "--a", reason: "it is b"), .keysInTree(folder: "/t/k", tree: "/t"),
            .ahead(day: version.date, today: CalendarDate(dayNumber: 0)),
        ]
        let malformed: [PublisherError] = [
            image(.empty), image(.other("a RAR archive", cure: "unpack it")),
            .programFailed("xz", status: 1, message: "no"), .download(.tooLarge(url: url, limit: 9)),
            .digest(url: url, reason: "it lists nothing"), .otherDigest(url: url, found: "1a", listed: "2b"),
            .catalog(path: "catalog.json", .unknownFormat(nil)), .catalogRefused(.unknownFormat(nil)),
            .index(path: "d.caibx", .notAnIndex),
            .indexTooLong(image: "/i", length: 2, limit: 1, blockSize: 8192), .metadata(reason: "it is damaged"),
            .refused(reason: "it is too long"), .damagedBlock(path: "/b", reason: "its digest is another"),
            .unreadable(call(EFBIG)),
        ]
        let mirror: [any Error] = [
            MirrorError.untrusted(source: "/s", reason: "no"), MirrorError.otherTree(destination: "/d"),
            MirrorError.notMetadata(destination: "/d"), MirrorError.incomplete(source: "/s", problems: []),
            MirrorError.objectStore(.malformed(url: url, reason: "no")), VerificationFailed(problems: 1),
        ]
        let absent: [PublisherError] = [
            image(.missing), image(.isDirectory), image(.isSpecial), .download(.notFound(url: url)),
            .notATree(path: "/t", reason: "no"), .noSuchVersion(distribution: "d", version: version),
            .unreadable(call(ENOENT)), .unreadable(call(ENOTDIR)), .unreadable(call(EISDIR)),
        ]
        let absentMirrors: [MirrorError] = [
            .place("/s", reason: "no"), .noSuchDistribution("d"), .objectStore(.noSuchBucket("b", message: "")),
        ]
        let unavailable: [PublisherError] = [
            .programMissing("xz"), .download(.http(url: url, status: 500)),
            .download(.connection(url: url, code: 7, message: "no")),
            .download(.unsupported(url: url, message: "no")), .recordingFailed(reason: "no"),
        ]
        let unavailableMirrors: [MirrorError] = [
            .unreachable(source: "/s", reason: "no"), .objectStore(.unreachable(url: url, reason: "no")),
            .objectStore(.failed(status: 400, code: "a", message: "b")),
        ]
        let unwritable: [PublisherError] = [
            .unwritable(call(ENOSPC)), .unwritable(call(EDQUOT)), .unwritable(call(EFBIG)),
            .unwritable(call(ENOENT)), .unwritable(call(EIO)), .notEmpty(path: "/t", holds: ["a"]),
            .versionExists(distribution: "d", version: version),
            .withdrawn(distribution: "d", WithdrawnVersion(id: version, when: .now, why: "no")),
        ]
        let later: [PublisherError] = [
            image(.changed), .busy(path: "/t"), .clock(expired: "2026-11-16"),
            .clockBehind(now: Timestamp(seconds: 0), signed: .now),
            .clockBehind(now: Timestamp(seconds: 0), signed: nil), .unreadable(call(EMFILE)),
            .unwritable(call(ENFILE)), .unreadable(call(ENOMEM)), .unreadable(call(EAGAIN, "posix_spawn")),
            .unreadable(call(EAGAIN, "pthread_create")),
        ]
        let forbidden: [PublisherError] = [
            .unreadable(call(EACCES)), .unwritable(call(EPERM)), .key(path: "/k", reason: "no"),
            .keyMissing(roles: ["root"]), .changeWaits(tree: "/t", roles: ["targets"]),
            .earlierChangeWaits(tree: "/t", roles: ["targets"]),
        ]
        let refused: [MirrorError] = [.noCredentials, .objectStore(.refused(code: "AccessDenied", message: ""))]
        return [
            (1, other), (1, [MirrorError.objectStore(.cancelled)]), (64, usage), (65, malformed), (65, mirror),
            (66, absent), (66, absentMirrors), (69, unavailable), (69, unavailableMirrors), (73, unwritable),
            (75, later), (77, forbidden), (77, refused),
            (78, [PublisherError.recipe(file: "r", key: "id", reason: "no")]),
            (130, [PublisherError.interrupted(signal: SIGINT)]), (143, [PublisherError.interrupted(signal: SIGTERM)]),
        ]
    }

    @Test func eachErrorHasItsExitCode() throws {
        for (code, errors) in try Self.samples() {
            for error in errors { #expect(ErrorReport(any: error)?.code == code, "\(error)") }
        }
    }

    @Test func theManPageHasEachExitCode() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "man/oscircular-publish.1")
        let text = try String(contentsOf: page, encoding: .utf8)
        let start = try #require(text.range(of: ".SH EXIT STATUS")?.upperBound)
        let rest = text[start...]
        let section = rest.range(of: "\n.SH ").map { rest[..<$0.lowerBound] } ?? rest
        // The bold words are the codes.
        let listed = section.matches(of: /\\fB([0-9, ]+)\\fR/).flatMap { $0.1.split(separator: ", ") }
            .compactMap { Int32($0) }
        #expect(Set(try Self.samples().map(\.code)).subtracting(listed).isEmpty, "the man page lists \(listed)")
    }

    @Test func anErrorThatIsNotOursIsTheParsers() {
        #expect(ErrorReport(any: CancellationError())?.code == nil)
    }
}
