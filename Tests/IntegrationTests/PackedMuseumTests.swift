import Linux
import TestSupport
import Testing

/// What vendors publish packed as a whole, by the programs and against the museum's servers.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct PackedMuseumTests {
    /// The same week's disk as it was before it was packed.
    private static let raw =
        "cloud.debian.org/images/cloud/trixie/20261116-2664/debian-13-nocloud-amd64-20261116-2664.raw"

    @Test(arguments: [("fedora-44-iot", true), ("netbsd-10-live", false)])
    func isListedFetchedAndMounted(_ system: String, _ isSigned: Bool) async throws {
        try await VendorUser.with { user in
            let listed = try await user.client("list", "vendors/\(system)")
            if !isSigned { #expect(listed.contains("to download first"), "\(listed)") }
            let checked = try await BuiltProgram.run(
                "oscircular", ["vendors", "check", system], environment: user.environment)
            #expect(checked.status == 0, "\(checked.stdout)\n\(checked.stderr)")
            let directory = try user.folder.makeFolder("mount")
            let mounted = try await user.attempt("mount", system, directory)
            #expect(mounted.status == 0, "\(mounted.error)")
            #expect(mounted.error.contains("to download first"), "\(mounted.error)")
            #expect(mounted.error.contains("not verified") == !isSigned, "\(mounted.error)")
            let same = try await BuiltProgram.runAny(
                "cmp", [mounted.output.trimmed, "\(user.museum.files)/\(Self.raw)"], within: .seconds(60))
            try await user.client("umount", directory)
            #expect(same.status == 0, "\(same.stdout) \(same.stderr)")

            let version = try #require(try await user.newest(of: system))
            #expect(version["verified"] == .boolean(isSigned))
            #expect(version["downloadFirst"] == .number(0) && version["offline"]?.string == "whole")
            // Nothing is asked again for it.
            user.museum.server.stop()
            let fetched = try await user.client("fetch", system)
            try user.museum.server.start()
            #expect(fetched.contains(" 0 B fetched now"), "\(fetched)")
        }
    }

    @Test func aWrongFileIsNeverUnpacked() async throws {
        try await VendorUser.with { user in
            try user.museum.damage(
                "dl.fedoraproject.org/pub/alt/iot/44/IoT/x86_64/images/Fedora-IoT-raw-44-20261116.0.x86_64.raw.xz")
            // The last byte is the end of what says how it is packed.
            let fetched = try await user.attempt("fetch", "fedora-44-iot")
            #expect(fetched.status == 65, "\(fetched.status): \(fetched.error)")
            #expect(fetched.error.contains("is not what its vendor says"), "\(fetched.error)")
            try await user.client("fetch", "fedora-44-iot@20261109.0")
        }
    }
}

extension VendorUser {
    /// What `list --json` says of the newest version of a vendor's system.
    fileprivate func newest(of system: String) async throws -> JSONValue? {
        let listed = try JSONValue.object(try await client("list", "vendors/\(system)", "--json"))
        return listed["distributions"]?.array.first?["versions"]?.array.first
    }
}

extension String {
    fileprivate var trimmed: String { String(split(separator: "\n").first ?? "") }
}
