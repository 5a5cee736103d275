import Boot
import Catalog
import Curl
import Linux
import TestSupport
import Testing

/// What may boot before all of it is verified.
@Suite struct UnverifiedBootsTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let key = VersionKey(catalog: "vendors", distribution: "tiny-1", version: "2026-11-16")

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path : nil }, user: CurrentUser.id, home: folder.path)
    }

    private func version(_ level: TrustLevel?) throws -> DistributionVersion {
        var version = DistributionVersion(
            id: try #require(VersionID("2026-11-16")), published: Timestamp(seconds: 0), index: "x", size: 1)
        version.source = level.map { VersionSource(urls: ["https://example.org/x"], format: .raw, trust: $0) }
        return version
    }

    private func boots(_ least: TrustLevel?) -> UnverifiedBoots {
        var settings = VendorSettings()
        settings.least = least
        return UnverifiedBoots(places: places, settings: settings)
    }

    private func isGranted(_ level: TrustLevel?, _ boots: UnverifiedBoots) throws -> Bool {
        boots.permission(for: try version(level), of: key, isVerified: false) == .granted
    }

    @Test func aCatalogsVersionIsNoQuestionOfLevels() throws {
        #expect(try isGranted(nil, boots(.blocks)))
    }

    @Test(arguments: TrustLevel.allCases) func whatIsLessSureThanTheSettingIsRefused(least: TrustLevel) throws {
        for level in TrustLevel.allCases {
            let permission = boots(least).permission(for: try version(level), of: key, isVerified: false)
            let boot = UnverifiedBoot(key, level: level, least: least)
            #expect(permission == (level >= least ? .granted : .refused(boot)))
            // All of it was here and right, or the user wants this one boot.
            #expect(boots(least).permission(for: try version(level), of: key, isVerified: true) == .granted)
            #expect(
                boots(least).permission(for: try version(level), of: key, isVerified: false, isForced: true) == .granted
            )
        }
    }

    @Test func withoutASettingWhatNobodySignedIsAskedAboutOnceForEachSystem() throws {
        let boots = boots(nil)
        #expect(try isGranted(.whole, boots))
        let permission = boots.permission(for: try version(TrustLevel.none), of: key, isVerified: false)
        guard case .ask(let boot) = permission else {
            Issue.record("not asked: \(permission)")
            return
        }
        #expect(boot.question.hasPrefix("The vendor of tiny-1 has not signed"))
        try boots.allow(boot)
        #expect(try isGranted(TrustLevel.none, boots))
        // Another build of it, too, and no other system.
        let later = VersionKey(catalog: "vendors", distribution: "tiny-1", version: "2026-11-23")
        #expect(boots.isAllowed(later))
        let other = VersionKey(catalog: "vendors", distribution: "tiny-2", version: "2026-11-16")
        #expect(!boots.isAllowed(other))
        // A setting that the user makes later counts more than a yes from before.
        #expect(try !isGranted(TrustLevel.none, self.boots(.whole)))
    }

    @Test func theNameOfVendorsSystemsIsNotGivenToACatalog() async throws {
        let library = CatalogLibrary(directory: places.catalogs, transfers: TransferQueue())
        let source = try CatalogSource(name: "vendors", location: folder.path)
        let error = await #expect(throws: CatalogAccessError.self) {
            try await library.add(source, trust: .fingerprint("00"))
        }
        guard case .reservedName("vendors") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
