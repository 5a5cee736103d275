import Linux
import TestSupport
import Testing

/// The installed table of vendors, as somebody sees it who has set nothing.
@Suite(.serialized)
struct VendorListTests {
    @Test func aFreshInstallationListsSixtySystemsAtOnceWithoutANetwork() async throws {
        let user = try FreshUser()
        let begun = ContinuousClock.now
        let output = try await user.client("list", "--json")
        let time = ContinuousClock.now - begun
        let systems = try #require(try JSONValue.object(output)["distributions"]).array
        #expect(systems.count { $0["catalog"]?.string == "vendors" } >= 60, "\(systems.count)")
        #expect(time < .seconds(1), "\(time)")
        let text = try await user.client("list")
        for vendor in ["Debian", "Ubuntu", "Fedora", "Arch Linux", "openSUSE", "Alpine Linux"] {
            #expect(text.contains(vendor), "\(text)")
        }
    }

    @Test func aRowSaysWhetherItWillHaveBeenVerified() async throws {
        try await VendorUser.with(configuration: "[prefetch]\nrest = \"always\"\n") { user in
            let text = try await user.client("list", "vendors/ubuntu-24.04")
            #expect(text.contains("  verified when complete"), "\(text)")
            try AtomicFile.write(
                "[prefetch]\nrest = \"never\"\n", to: user.folder.path("config/oscircular/config.toml"))
            let other = try await user.client("list", "vendors/ubuntu-24.04")
            #expect(other.contains("  not yet verified"), "\(other)")
        }
    }
}

/// A user of the real table, on a machine of whose network nothing is known.
struct FreshUser: ProgramUser {
    let folder: TemporaryDirectory
    let environment: [String: String]

    init() throws {
        folder = try TemporaryDirectory()
        // No request gets anywhere, and none is needed.
        environment = try Self.makePlaces(in: folder, configuration: "").merging(
            ["https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"], uniquingKeysWith: { $1 })
        try Paths.makeLink(folder.path("config/oscircular/vendors"), to: Museum.realTables)
    }
}
