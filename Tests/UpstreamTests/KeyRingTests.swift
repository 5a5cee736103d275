import Linux
import TestSupport
import Testing

@testable import Upstream

/// Vendors' keys: fetched once, and only those that are pinned.
@Suite struct KeyRingTests {
    private let keys: TestKeyHome
    private let folder: TemporaryDirectory

    init() throws {
        keys = try TestKeyHome.shared()
        folder = try TemporaryDirectory()
    }

    private func ring(_ answer: [UInt8]?, _ count: Monitor<Int> = Monitor(0)) -> KeyRing {
        KeyRing(folder: folder.path("keys")) { _ in
            count.change { $0 += 1 }
            guard let answer else { throw TestKeyError(text: "no network") }
            return answer
        }
    }

    @Test(arguments: [false, true])
    func onlyThePinnedKeyOfAFileIsKept(armoured: Bool) async throws {
        let count = Monitor(0)
        let ring = ring(try keys.export(armoured: armoured), count)
        let kept = try await ring.kept(keys.vendor)
        #expect(kept == (try keys.kept(keys.vendor)))
        #expect(try OpenPGPPackets.key(keys.stranger.fingerprint, in: kept.material) == nil)
        #expect(try await ring.kept(keys.vendor) == kept)
        #expect(try await self.ring(nil).kept(keys.vendor) == kept)
        #expect(count.change { $0 } == 1)
    }

    @Test func anotherKeyIsNotTakenInItsPlace() async throws {
        let others = try OpenPGPPackets.key(keys.stranger.fingerprint, in: keys.export())
        let url = try #require(keys.vendor.url)
        for answer in [
            others ?? [], Array("<html>not found</html>".utf8), [], [UInt8](repeating: 0x99, count: 2_000_000),
        ] {
            await #expect(throws: SignatureError.otherKey(url: url, wanted: keys.vendor.fingerprint)) {
                _ = try await ring(answer).kept(keys.vendor)
            }
        }
        await #expect(throws: SignatureError.self) { _ = try await ring(nil).kept(keys.vendor) }
        #expect(Folder.namesIfAny(in: folder.path("keys")) == [])
    }

    @Test func aDamagedKeptKeyIsFetchedAgain() async throws {
        let count = Monitor(0)
        let ring = ring(try keys.export(), count)
        let kept = try await ring.kept(keys.vendor)
        let path = folder.path("keys/\(keys.vendor.fingerprint).pgp")
        let other = try keys.kept(keys.stranger).material
        for bytes in [[], Array(kept.material.dropLast()), other] {
            try AtomicFile.write(bytes, to: path)
            #expect(try await ring.kept(keys.vendor) == kept)
        }
        #expect(count.change { $0 } == 4)
    }

    @Test func anOldKeyIsFetchedAgainAndKeptWhereNoneComes() async throws {
        let kept = try await ring(try keys.export()).kept(keys.vendor)
        let path = folder.path("keys/\(keys.vendor.fingerprint).pgp")
        let old = Int(WallClock.seconds) - 31 * 86_400
        try Paths.setTimes(path, seconds: old)
        // A page in the key's place, or no answer, takes nothing away.
        for answer in [nil, Array("<html>not found</html>".utf8)] {
            let count = Monitor(0)
            #expect(try await ring(answer, count).kept(keys.vendor) == kept)
            #expect(count.change { $0 } == 1)
        }
        let count = Monitor(0)
        let ring = ring(try keys.export(), count)
        for _ in 0..<2 { #expect(try await ring.kept(keys.vendor) == kept) }
        #expect(count.change { $0 } == 1)
        #expect(try await ring.kept(keys.vendor, isRenewed: true) == kept)
        #expect(count.change { $0 } == 2)
    }

    @Test func aPinnedSubkeyIsNoPrimary() async throws {
        let listing = try keys.gpg(["--with-colons", "--list-keys", keys.vendor.fingerprint])
        let fingerprints = TextLines(listing).filter { $0.hasPrefix("fpr:") }
            .map { String($0.split(separator: ":", omittingEmptySubsequences: false)[9]) }
        #expect(fingerprints.count == 2)
        #expect(try OpenPGPPackets.key(fingerprints[1], in: keys.export()) == nil)
    }
}
