import BlockStore
import Catalog
import ContentAddress
import GuestDomain
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Boot

/// A state that a publisher signed gets into the library, where it is as good as one that was made here, or nothing of it does.
@Suite struct PublishedStatesTests {
    private let fixture: PublishedStateFixture

    init() async throws { fixture = try await PublishedStateFixture() }

    private func find(
        _ version: ChosenVersion, _ needs: WarmNeeds = PublishedStateFixture.needs(), obstacle: String? = nil
    ) async throws -> PublishedStates.Finding {
        try await fixture.states.find(version, needs) { _, _ in obstacle }
    }

    private func offer(_ version: ChosenVersion) async throws -> PublishedStates.Offer {
        guard case .offer(let offer) = try await find(version) else { throw SmallError.noOffer }
        return offer
    }

    private enum SmallError: Error { case noOffer }

    private static let dear = WarmPrice(stateBytes: 1 << 30, bootBytes: 0, bootSeconds: 1)
    private static let cheap = WarmPrice(stateBytes: 1000, bootBytes: 1 << 30, bootSeconds: 600)

    /// Whether the library has what the start asks for.
    private var isHere: Bool {
        if case .state = fixture.library.find(PublishedStateFixture.needs()) { true } else { false }
    }

    /// What is left in the library's folder, but for its own lock.
    private var rest: [String] { Folder.namesIfAny(in: fixture.library.path).filter { $0 != "lock" } }

    @Test func whatWasFetchedIsAStateOfTheLibrary() async throws {
        let offer = try await offer(try await fixture.publish())
        // Zeros are not fetched.
        #expect(offer.bytes > UInt64(fixture.files[0].count) && offer.bytes <= fixture.offered.size)
        #expect(!isHere)
        #expect(try await fixture.states.bring(offer, while: Self.cheap, name: "abcd1234") { _ in })
        #expect(isHere)
        guard case .state(let state) = fixture.library.find(PublishedStateFixture.needs()) else { return }
        #expect(state.record.key == VersionKey(catalog: "home", distribution: "debian", version: "2026-11-16"))
        #expect(try FileContents.read(state.folder.memory, limit: 1 << 24) == fixture.files[0])
        #expect(try FileContents.read(state.folder.overlay, limit: 1 << 24) == fixture.files[1])
        #expect(try Paths.status(state.folder.overlay)?.permissions == 0o444)
        #expect(try Paths.status(state.folder.memory)?.permissions == 0o600)
        // Its memory is fed as one that was made here.
        let target = try FileHandle(fixture.folder.path("fed"), for: .both, [.create, .truncate])
        try state.feed(to: target)
        #expect(
            try FileContents.read(fixture.folder.path("fed"), limit: 1 << 24)
                == FileContents.read(fixture.folder.path("raw"), limit: 1 << 24))
        // Its blocks are of no use any more.
        let cache = fixture.cache
        #expect(try offer.index.blocks().allSatisfy { !cache.contains($0.id) })
    }

    @Test func blocksThatWereHereBeforeStay() async throws {
        let version = try await fixture.publish()
        let block = Array(fixture.files[0].prefix(PublishedStateFixture.blockSize))
        let id = block.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
        let bytes = try BlockBytes(length: block.count) { (buffer) throws(SystemCallError) in
            buffer.copyBytes(from: block)
        }
        fixture.cache.store(id, bytes)
        let offer = try await offer(version)
        #expect(fixture.cache.contains(id) && !offer.missing.contains { $0.id == id })
        try await fixture.states.bringBehind(offer, name: "abcd1234")
        #expect(isHere && fixture.cache.contains(id))
        #expect(!offer.missing.contains { fixture.cache.contains($0.id) })
    }

    @Test func oneThatHasNoRoomIsNotFetched() async throws {
        let version = try await fixture.publish()
        // Its blocks would fit, and its files not beside them.
        let small = BlockCache(directory: fixture.cache.directory, limit: .bytes(Int(fixture.offered.size) + 1000))
        let found = try await fixture.states(small).find(version, PublishedStateFixture.needs()) { _, _ in nil }
        guard case .misfit(let reason) = found else {
            Issue.record("it was taken")
            return
        }
        #expect(reason.contains("cache.limit"))
        // The disk has less than others are to find free.
        let offer = try await offer(version)
        let states = fixture.states(fixture.cache, reserve: 1 << 60)
        await #expect(throws: SystemCallError.self) { try await states.bringBehind(offer, name: "abcd1234") }
        #expect(!isHere && rest.isEmpty)
    }

    @Test func aNoteOnWhatIsMadeHereDoesNotBarIt() async throws {
        let version = try await fixture.publish()
        fixture.library.noteTried(PublishedStateFixture.needs().key, "the guest crashed", nil)
        try await fixture.states.bringBehind(try await offer(version), name: "abcd1234")
        #expect(isHere)
    }

    // MARK: A start

    private func start(_ version: ChosenVersion, _ log: Monitor<[String]>) throws -> PublishedStart {
        let image = try SmallImage("ab", in: fixture.folder)
        return PublishedStart(
            fixture.states,
            SessionImage(
                image: VersionImage(chosen: version, indexPath: image.indexPath, file: nil), index: image.index,
                bootSet: [], ledger: nil), session: "abcd1234",
            log: { line in log.change { $0.append(line) } }, describe: { _ in "what went wrong" })
    }

    private func boot(_ seconds: Double?, isMetered: Bool = false) -> PublishedStart.Boot {
        .init(seconds: seconds, blocks: [], fetchesRest: { !isMetered })
    }

    @Test func aSlowServerIsNotWaitedFor() async throws {
        let version = try await fixture.publish()
        for isMetered in [false, true] {
            let found = try await find(version)
            let start = try start(version, Monitor([]))
            let clock = ContinuousClock()
            let begun = clock.now
            let looking = PublishedStart.Looking {
                try await Task.sleep(for: .seconds(5))
                return found
            }
            #expect(await start.bring(insteadOf: boot(2, isMetered: isMetered), looking) == false)
            #expect(begun.duration(to: clock.now) < .seconds(4))
            #expect(looking.isCancelled == isMetered)
            looking.cancel()
        }
    }

    @Test func whatWasNotWaitedForComesBehindUnlessEachByteIsPaidFor() async throws {
        let version = try await fixture.publish()
        for isMetered in [true, false] {
            let found = try await find(version)
            let start = try start(version, Monitor([]))
            let looking = PublishedStart.Looking {
                try await Task.sleep(for: .seconds(2))
                return found
            }
            #expect(await start.bring(insteadOf: boot(2, isMetered: isMetered), looking) == false)
            await start.bringRest()
            #expect(isHere != isMetered)
        }
    }

    @Test func oneThatIsFoundAtOnceIsUsed() async throws {
        let version = try await fixture.publish()
        let found = try await find(version)
        let start = try start(version, Monitor([]))
        #expect(await start.bring(insteadOf: boot(30), PublishedStart.Looking { found }))
        #expect(isHere)
    }

    @Test func oneThatIsFetchedBehindIsThereForTheNextStart() async throws {
        let offer = try await offer(try await fixture.publish())
        try await fixture.states.bringBehind(offer, name: "abcd1234")
        #expect(isHere)
        // Somebody else had it first.
        try await fixture.states.bringBehind(offer, name: "abcd1234")
        #expect(isHere)
    }

    @Test func aStateThatIsDearerThanABootIsNotWaitedFor() async throws {
        let version = try await fixture.publish()
        // Nothing comes: the tree has lost its blocks.
        try Folder.removeTree(fixture.folder.path("tree/blocks"))
        let offer = try await offer(version)
        let clock = ContinuousClock()
        let begun = clock.now
        // Whether the loss or the price is noticed first.
        let isBrought = (try? await fixture.states.bring(offer, while: Self.dear, name: "abcd1234") { _ in }) ?? false
        #expect(!isBrought && !isHere && rest.isEmpty)
        #expect(begun.duration(to: clock.now) < .seconds(20))
    }

    @Test func aMisfitIsSeenBeforeAnythingLargeIsFetched() async throws {
        let version = try await fixture.publish()
        guard case .misfit(let machine) = try await find(version, obstacle: "no such machine") else {
            Issue.record("it was taken")
            return
        }
        #expect(machine == "no such machine")
        var older = PublishedStateFixture.needs()
        older.emulator = .init(major: 7, minor: 1, micro: 0)
        guard case .misfit(let emulator) = try await find(version, older) else {
            Issue.record("it was taken")
            return
        }
        #expect(emulator.contains("7.1.0"))
        // Other settings have other states: that is none for these.
        guard case .none = try await find(version, PublishedStateFixture.needs { $0.memoryMiB = 256 }) else {
            Issue.record("it was taken")
            return
        }
        #expect(rest.isEmpty)
    }

    @Test func oneThatHasFailedHereDoesNotComeAgain() async throws {
        let version = try await fixture.publish()
        try await fixture.states.bringBehind(try await offer(version), name: "abcd1234")
        for _ in 0..<WarmLibrary.mostFailures {
            guard case .state(let state) = fixture.library.find(PublishedStateFixture.needs()) else { break }
            fixture.library.settle(state, .failed)
        }
        #expect(!isHere)
        guard case .misfit(let reason) = try await find(version) else {
            Issue.record("it was taken")
            return
        }
        #expect(reason.contains("did not start"))
    }

    @Test func aRecordOfAnotherVersionIsNotUsed() async throws {
        var record = fixture.made
        record.state.version = "2026-11-09"
        let version = try await fixture.publish(record: try PublishedStateFixture.bytes(of: record))
        guard case .misfit(let reason) = try await find(version) else {
            Issue.record("it was taken")
            return
        }
        #expect(reason.contains("2026-11-09"))
    }

    @Test func bytesThatAreNotWhatTheRecordSaysLeaveNothing() async throws {
        var wrong = fixture.files
        wrong[0][wrong[0].count / 2] ^= 1
        try await expectDamaged(wrong)
    }

    @Test func aDiskThatNamesOtherFilesLeavesNothing() async throws {
        var wrong = fixture.files
        // A backing file's name: where it is, and its length.
        wrong[1].replaceSubrange(8..<16, with: [0, 0, 0, 0, 0, 0, 2, 0])
        wrong[1].replaceSubrange(16..<20, with: [0, 0, 0, 11])
        wrong[1].replaceSubrange(512..<523, with: Array("/etc/passwd".utf8))
        try await expectDamaged(wrong, overlay: wrong[1])
    }

    /// Publishes these files, and a record that agrees with the disk among them.
    private func expectDamaged(_ files: [[UInt8]], overlay: [UInt8]? = nil) async throws {
        var record = fixture.made
        if let overlay { record.state.overlayDigest = FileDigest.sha256(of: overlay).description }
        let version = try await fixture.publish(record: try PublishedStateFixture.bytes(of: record), files: files)
        let offer = try await offer(version)
        let error = await #expect(throws: PublishedStateError.self) {
            _ = try await fixture.states.bring(offer, while: Self.cheap, name: "abcd1234") { _ in }
        }
        guard case .damaged? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!isHere && rest.isEmpty)
    }
}

extension ImageIndex {
    fileprivate func blocks() throws -> [IndexedBlock] {
        var blocks: [IndexedBlock] = []
        try forEachBlock { if !$0.isHole { blocks.append($0) } }
        return blocks
    }
}
