import Linux
import TestSupport
import Testing

/// Vendors' servers as they are in the museum: the rows of the real tables fit their layouts.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct MuseumTests {
    /// Each kind of listing, grammar of sums and kind of signature is among these.
    private static let vendors = [
        "almalinux", "alpine", "arch", "centos", "debian", "fedora", "freebsd", "gentoo", "kali", "linuxcontainers",
        "opensuse", "rocky", "ubuntu", "void",
    ]

    @Test func whatTheTablesSayOfTheirServersIsTrue() async throws {
        try await VendorUser.with { user in
            // Not those that the museum does not have, and the checkout's own table does.
            let names = Folder.namesIfAny(in: user.museum.tables).compactMap { name in
                name.hasSuffix(".toml") ? String(name.dropLast(5)) : nil
            }
            #expect(Set(names).isSuperset(of: Self.vendors))
            let checked = try await BuiltProgram.run(
                "oscircular", ["vendors", "check"] + names, environment: user.environment)
            #expect(checked.status == 0, "\(checked.stdout)\n\(checked.stderr)")
        }
    }

    @Test func aServerThatIgnoresRangesSendsNoWholeFile() async throws {
        try await VendorUser.with { user in
            try user.museum.set(.noRanges)
            let fetched = try await user.attempt("fetch", "arch")
            #expect(fetched.status == 69, "\(fetched.status): \(fetched.error)")
            #expect(fetched.error.contains("127.0.0.1"), "\(fetched.error)")
        }
    }

    @Test func aServerThatAnswersWithOtherPartsGivesNothingToTheDisk() async throws {
        try await VendorUser.with { user in
            try user.museum.set(.wrongRange)
            let fetched = try await user.attempt("fetch", "arch")
            #expect(fetched.status == 69, "\(fetched.status): \(fetched.error)")
            try user.museum.set(nil)
            try await user.client("fetch", "arch")
            #expect(try await user.version("2026-11-16", of: "arch")?["verified"] == .boolean(true))
        }
    }

    @Test func aBusyServerIsAskedAgainWhenItWantsToBe() async throws {
        try await VendorUser.with { user in
            // Its listing is known; the file is what it has no time for.
            try await user.client("list", "arch")
            try user.museum.set(.busy)
            async let fetched = user.attempt("fetch", "arch")
            #expect(await eventually { !user.museum.requests(containing: ".qcow2").isEmpty })
            try user.museum.set(nil)
            let ended = try await fetched
            #expect(ended.status == 0, "\(ended.error)")
        }
    }

    @Test(arguments: [Museum.Fault.deadMirror, .gone])
    func anImageThatCannotBeHadIsSaidToBeSo(_ fault: Museum.Fault) async throws {
        try await VendorUser.with { user in
            try await user.client("list", "arch")
            try user.museum.set(fault)
            let fetched = try await user.attempt("fetch", "arch")
            #expect(fetched.status == 69, "\(fetched.status): \(fetched.error)")
        }
    }

    @Test func aFileThatWasFetchedWholeAndIsWrongIsThrownAway() async throws {
        try await VendorUser.with { user in
            for top in ["server/releases/noble", "noble"] {
                try user.museum.damage(
                    "cloud-images.ubuntu.com/releases/\(top)/release-20261116/ubuntu-24.04-server-cloudimg-amd64.img")
            }
            let fetched = try await user.attempt("fetch", "ubuntu-24.04")
            #expect(fetched.status == 65, "\(fetched.status): \(fetched.error)")
            #expect(fetched.error.contains("127.0.0.1"), "\(fetched.error)")
            #expect(try await user.version("2026-11-16", of: "ubuntu-24.04")?["verified"] != .boolean(true))
            // The older one is right.
            try await user.client("fetch", "ubuntu-24.04@20261109")
        }
    }
}
