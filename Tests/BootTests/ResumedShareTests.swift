import Linux
import TestSupport
import Testing

@testable import Boot

/// What becomes of a suspended guest whose folder is gone, and what is said of a folder that a setting gives.
@Suite struct ResumedShareTests {
    private let fixture: MachineFixture

    init() throws { fixture = try MachineFixture() }

    private func request(_ resumption: BootRequest.Resumption?) -> BootRequest {
        var request = BootRequest(
            id: "abcd1234", name: "debian", memoryMiB: 256, cpus: 1, display: .none, network: "user", accel: "tcg",
            connect: nil)
        request.resumes = resumption
        request.take(
            .share(SharedFolder(path: fixture.folder.path("gone"), isReadOnly: false)), isAllowed: true,
            setting: "system.\"test/debian\".share")
        return request
    }

    private func session(_ request: BootRequest) -> SessionRun {
        SessionRun(
            request: request, places: fixture.places, configuration: Configuration(), report: { _ in },
            describe: { "\($0)" })
    }

    private func take(_ request: BootRequest) async throws -> (share: SessionShare?, notes: [String]) {
        let session = session(request)
        let version = SessionImage(
            image: VersionImage(
                chosen: try MachineFixture.chosen(size: fixture.image.index.imageSize),
                indexPath: fixture.image.indexPath, file: nil),
            index: fixture.image.index, bootSet: [], ledger: nil)
        let teardown = Teardown()
        let share = try await session.takeShare(request, version, teardown)
        await teardown.run()
        return (share, session.notes.withLock { $0 })
    }

    @Test func aColdStartIsNotKeptFromItsDiskByAFolder() async throws {
        let gone = try await take(request(.cold))
        #expect(gone.share == nil && gone.notes.count == 1)
        #expect(gone.notes.first?.contains("there is no folder \(fixture.folder.path("gone"))") == true)
        // Everybody may read it, whoever runs the tests.
        var replaced = request(.cold)
        replaced.share = SharedFolder(path: "/usr/share", isReadOnly: true)
        replaced.givenShare = .init(path: "/another", inode: 1)
        replaced.allowShare = nil
        let other = try await take(replaced)
        #expect(other.share == nil && other.notes.first?.contains("is not the one that the guest had") == true)
    }

    @Test func aStartFromMemoryAsksWhetherItGoesOnWithoutIt() async throws {
        for resumption in [BootRequest.Resumption.memory, nil] {
            await #expect(throws: ShareError.self) { try await take(request(resumption)) }
        }
        let gone = ShareError.noSuchFolder("/srv/x")
        guard case ShareError.notGivenBack(let loss) = session(request(.memory)).failure(gone as any Error) else {
            return #expect(Bool(false), "no way out")
        }
        #expect(loss == ShareLoss(session: "abcd1234", reason: "there is no folder /srv/x"))
        let without = request(.memory).withoutShare
        #expect(without.share == nil && without.shareSetting == nil && without.resumes == .memory)
        let kept = try await take(without)
        #expect(kept.share == nil && kept.notes.isEmpty)
    }

    @Test func aBootNamesTheSettingThatGivesTheFolder() {
        let gone = ShareError.noSuchFolder("/srv/x")
        guard
            case ShareError.ofSetting(let name, .noSuchFolder("/srv/x")) = session(request(nil)).failure(
                gone as any Error)
        else { return #expect(Bool(false), "the setting is not named") }
        #expect(name == SystemSettings.name(.share, of: "test/debian") && name == "system.\"test/debian\".share")
        var asked = request(nil)
        asked.take(.share(SharedFolder(path: "/srv/x", isReadOnly: false)))
        guard case ShareError.noSuchFolder = session(asked).failure(gone as any Error) else {
            return #expect(Bool(false), "nobody has set it")
        }
    }

    @Test func aClockIsTriedSoonAndOftenAndThenPatiently() throws {
        let attempts = GuestClock.attempts
        #expect(attempts.first?.pause == .zero)
        #expect(attempts.prefix(4).reduce(Duration.zero) { $0 + $1.pause } <= .seconds(1))
        #expect(attempts.last?.pause == .seconds(30) && attempts.last?.patience == .seconds(60))
    }
}
