import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import Synchronization
import TestSupport
import Testing
import Vendors

@testable import Boot

/// What is known of a vendor's file, by what, and for how long.
@Suite(.timeLimit(.minutes(2))) struct VendorStandingTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let notes: VendorNotes
    private let cache: BlockCache

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: CurrentUser.id,
            home: folder.path)
        notes = VendorNotes(places: places)
        cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(1 << 30), ledgers: places.ledgers)
    }

    private func vendor(row: String = "") throws -> TinyVendor {
        let vendor = try TinyVendor(row: row, in: folder, places: places)
        try vendor.list(["20261109", "20261116"])
        return vendor
    }

    private func fetch(_ vendor: TinyVendor) async throws -> FileStanding? {
        let fetch = VersionFetch(places: places, systems: vendor.systems, cache: cache, transfers: TransferQueue())
        return try await fetch.run(try await vendor.choose(), .whole).standing
    }

    /// What a session has of the newest build.
    private func image(_ vendor: TinyVendor) async throws -> (PinnedFile, ImageIndex, PieceLedger?) {
        let image = try await vendor.systems.soundImage(of: try await vendor.choose(), cache: cache)
        let index = try image.index()
        return (try #require(image.file), index, try image.ledger(index, in: places.ledgers))
    }

    private func check(
        _ vendor: TinyVendor, _ file: PinnedFile, _ index: ImageIndex, _ ledger: PieceLedger?
    ) async throws -> FileFinding {
        try await file.check(index, ledger, cache: cache, library: vendor.library)
    }

    // MARK: Builds that are replaced

    @Test func aBuildThatWasReplacedIsFollowedWhereNobodyNamedIt() async throws {
        let vendor = try vendor()
        let wanted = try await vendor.choose()
        #expect(wanted.version.id.text == "2026-11-16")
        try vendor.list(["20261109"])
        let named = await #expect(throws: VendorsError.self) { _ = try await vendor.systems.image(of: wanted) }
        #expect(named?.isTransient == false)
        // The list was asked for anew, and a bare name means what it has.
        #expect(try await vendor.choose().version.id.text == "2026-11-09")
        let image = try await vendor.systems.image(of: wanted, isNewest: true)
        #expect(image.chosen.version.id.text == "2026-11-09" && image.file?.version.text == "2026-11-09")
    }

    // MARK: Levels

    @Test func unsignedSumsThatFitVerifyNothing() async throws {
        let vendor = try vendor()
        #expect(try await fetch(vendor) == .compared)
        var (file, index, ledger) = try await image(vendor)
        #expect(notes.standing(of: file) == .compared && !notes.isVerified(file))
        #expect(try await fetch(vendor) == .compared)
        // The same file with a signature is another matter: what was noted of the one says nothing of the other.
        file.source.trust = .whole
        #expect(notes.standing(of: file) == nil)
        #expect(try await check(vendor, file, index, ledger) == .right)
        try notes.noteRight(file, ledger)
        #expect(notes.isVerified(file))
        file.signedBy = "another key"
        #expect(!notes.isVerified(file))
        _ = index
    }

    @Test func aNoteCountsForNothingWithoutTheLedgerThatItIsAbout() async throws {
        let vendor = try vendor()
        _ = try await fetch(vendor)
        let (file, index, ledger) = try await image(vendor)
        #expect(notes.standing(of: file, ledger) == .compared)
        try ledger?.remove()
        #expect(notes.standing(of: file) == nil)
        let new = try file.ledger(index, in: places.ledgers)
        #expect(new?.isFinished == false && notes.standing(of: file, new) == nil)
    }

    @Test func aSessionThatReadAWrongFileIsNotAcquittedByALaterFetch() async throws {
        let vendor = try vendor()
        _ = try await vendor.choose()
        var wrong = TinyVendor.bytes("20261116")
        wrong[300_000] ^= 1
        // From whichever place it comes.
        for place in [vendor.server, vendor.mirror] { place.put("images/20261116.img", .init(wrong)) }
        // It reads all of it.
        let (file, index, own) = try await image(vendor)
        let stores = try file.stores(index, own, cache: cache, transfers: TransferQueue(), policy: .rounds(1))
        let blocks = try ImageFetch(index: index, store: stores.caching).blocks()
        #expect(try await stores.keep(blocks, of: index) == 0)
        stores.close()
        await #expect(throws: VersionFetchError.self) { try await fetch(vendor) }
        #expect(notes.text(.wrong, "tiny-1", "2026-11-16")?.contains("127.0.0.1") == true)
        vendor.server.put("images/20261116.img", .init(TinyVendor.bytes("20261116")))
        #expect(try await fetch(vendor) == .compared)
        #expect(notes.text(.wrong, "tiny-1", "2026-11-16") == nil)
        #expect(notes.standing(of: file, own) == nil)
        guard case .wrong = try await check(vendor, file, index, own) else {
            Issue.record("what the guest has read counts as right")
            return
        }
    }

    @Test func aSignatureThatCannotBeVerifiedCondemnsNothing() async throws {
        let vendor = try vendor()
        _ = try await fetch(vendor)
        var (file, index, _) = try await image(vendor)
        try AtomicFile.write([1] as [UInt8], to: folder.path("signature"))
        file.signaturePath = folder.path("signature")
        file.system = "gone-from-the-table"
        try Folder.removeTree(places.ledgers.path)
        let ledger = try file.ledger(index, in: places.ledgers)
        guard case .incomplete = try await check(vendor, file, index, ledger) else {
            Issue.record("nothing is written down of the pieces")
            return
        }
        for position in 0..<index.count {
            let block = try index.block(at: position)
            let bytes = Array(TinyVendor.bytes("20261116")[Int(block.offset)..<Int(block.end)])
            _ = try bytes.withUnsafeBytes { try ledger?.accept(block.id, $0) }
        }
        guard case .unverifiable(let reason, false) = try await check(vendor, file, index, ledger) else {
            Issue.record("a file is judged by a key that nobody has")
            return
        }
        #expect(reason.contains("gone-from-the-table"))
        #expect(ledger?.isFinished == false && ledger?.isWrong == false)
    }

    // MARK: After a wrong file

    @Test func afterAWrongFileTheVendorsOwnServerIsAskedAlone() async throws {
        let vendor = try vendor()
        let chosen = try await vendor.choose()
        let before = try #require(try await vendor.systems.image(of: chosen).file)
        #expect(before.places.count == 2)
        try notes.noteWrong(before, reason: "its digest is another")
        let after = try #require(try await vendor.systems.image(of: chosen).file)
        #expect(after.places.map(\.url) == [vendor.server.url("images/20261116.img")])
        #expect(after.source.urls.count == 1)
    }

    @Test func whatWasFoundWrongAndNotThrownAwayIsThrownAwayFirst() async throws {
        let vendor = try vendor()
        _ = try await fetch(vendor)
        let (file, _, ledger) = try await image(vendor)
        #expect(ledger?.recordedCount == 2)
        try notes.noteWrong(file, reason: "its digest is another")
        let (_, _, new) = try await image(vendor)
        #expect(ledger?.isWrong == true)
        #expect(new?.recordedCount == 0)
    }

    // MARK: What is not offered

    @Test func aPackedFileIsRefusedBeforeAnythingIsDownloaded() async throws {
        let vendor = try vendor(row: "packed = \"bz2\"")
        let chosen = try await vendor.choose()
        let asked = vendor.server.requests.count
        let error = await #expect(throws: BootError.self) { try await vendor.systems.image(of: chosen) }
        guard case .packed(let file) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(file.packing == "bz2" && file.url.hasSuffix("20261116.img"))
        #expect(vendor.server.requests.count == asked)
    }

    @Test func aBareNameMeansTheNewestBuildThatIsStillThere() async throws {
        let vendor = try vendor()
        let newest = try await vendor.choose()
        #expect(newest.version.id.text == "2026-11-16")
        let pinned = try await vendor.library.pin(newest)
        try vendor.list(["20261109"])
        _ = try await vendor.library.refresh("tiny-1", evenIfFresh: true)
        #expect(try await vendor.choose().version.id.text == "2026-11-09")
        #expect(try await vendor.choose("2026-11-16").version.id.text == "2026-11-16")
        let reader = SystemsReader(places: places, systems: vendor.systems, cache: cache)
        func gone() -> [String] {
            let versions = reader.outline([vendor.library.copy()], sessions: []).systems.flatMap(\.versions)
            return versions.filter(\.isGone).map(\.version.id.text)
        }
        #expect(gone() == ["2026-11-16"])
        // Offered again, after somebody has found that it was not there.
        try vendor.list(["20261109", "20261116"])
        try notes.noteGone(pinned)
        try Paths.setTimes("\(places.vendorNotes)/tiny-1/2026-11-16.gone", seconds: WallClock.seconds - 60)
        _ = try await vendor.library.refresh("tiny-1", evenIfFresh: true)
        #expect(gone().isEmpty)
        #expect(try await vendor.choose().version.id.text == "2026-11-16")
    }

    @Test func aMirrorThatIsBehindDoesNotMakeABuildGone() async throws {
        let vendor = try vendor()
        let image = try await vendor.systems.image(of: try await vendor.choose())
        let index = try image.index()
        let directory = SessionDirectory(id: "abc", places: places)
        let signals = AsyncStream<SessionSignal>.makeStream()
        let status = SessionStatus(
            id: "abc", catalog: "", distribution: "", version: "", state: .starting, phase: .index, pid: 1, started: "",
            consoleLog: "")
        let verification = try #require(
            SessionVerification(
                SessionImage(
                    image: image, index: index, bootSet: [], ledger: try image.ledger(index, in: places.ledgers)),
                library: vendor.library, places: places, cache: cache, directory: directory,
                state: SessionState(status), signals: signals.continuation, log: { _ in }))
        #expect(verification.fileIsMissing(at: vendor.mirror.url("images/20261116.img")) == nil)
        #expect(notes.text(.gone, "tiny-1", "2026-11-16") == nil)
        let own = verification.fileIsMissing(at: vendor.server.url("images/20261116.img"))
        #expect(own?.contains("no longer offers") == true)
        #expect(notes.text(.gone, "tiny-1", "2026-11-16") != nil)
    }

    @Test func aNameThatNobodyHasSaysWhatMayBeTheReason() async throws {
        let vendor = try vendor()
        let error = await #expect(throws: VendorsError.self) {
            try await vendor.systems.choose(try VersionName(argument: "vendors/tinny-1"))
        }
        guard case .noSuchSystem("tinny-1", ["tiny-1"]) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let broken = CatalogCopy(
            source: try CatalogSource(name: "home", location: folder.path), state: .stale, document: nil,
            error: CatalogAccessError.slow(catalog: "home", url: "x"))
        let hidden = #expect(throws: NotFoundError.self) {
            try vendor.systems.find(
                try VersionName(argument: "tiny-1@2026-11-16"), in: [broken, vendor.library.copy()])
        }
        #expect(hidden?.other == "vendors/tiny-1@2026-11-16")
    }
}
