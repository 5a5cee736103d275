import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Vendors' own images, booted by name from their servers.
@Suite(
    .serialized,
    .enabled(
        if: MountingMachine.isReady && LibvirtDaemon.isReady(),
        "a guest needs what a mount needs, libvirt and QEMU (share/install-packages)"))
struct VendorGuestTests {
    @Test(.timeLimit(.minutes(10)))
    func aVendorsImageBootsIsVerifiedWhenCompleteAndThenNeedsNoServer() async throws {
        try await VendorUser.with { user in
            let session = try await user.boot("arch")
            #expect(session.catalog == "vendors" && session.version == "2026-11-16")
            #expect(session.trust == .whole)
            _ = try await user.console(of: session, shows: "READY")
            _ = try await user.verified(session)
            try await user.client("stop", session.id)
            #expect(try await user.version("2026-11-16", of: "arch")?["verified"] == .boolean(true))

            let file = ".qcow2"
            let before = user.museum.requests(containing: file).count
            #expect(before > 0)
            user.museum.server.stop()
            let again = try await user.boot("arch")
            _ = try await user.console(of: again, shows: "READY")
            try await user.client("stop", again.id)
            try user.museum.server.start()
            #expect(user.museum.requests(containing: file).count == before, "the second boot asked for the file")

            // By the vendor's own name of the build.
            let older = try await user.boot("arch@20261109.556895")
            #expect(older.version == "2026-11-09")
            _ = try await user.console(of: older, shows: "READY")
            #expect(user.museum.requests(containing: file).count > before)
            try await user.client("stop", older.id, "--force")
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func aFileThatIsNotWhatItsVendorSignedStopsTheGuest() async throws {
        try await VendorUser.with { user in
            for top in ["server/releases/noble", "noble"] {
                try user.museum.damage(
                    "cloud-images.ubuntu.com/releases/\(top)/release-20261116/ubuntu-24.04-server-cloudimg-amd64.img")
            }
            let session = try await user.boot("ubuntu-24.04")
            // The digest of the whole is known only when all of it is here.
            _ = try await user.console(of: session, shows: "READY")
            let isStopped = try await eventually(within: .seconds(180)) { try await user.sessions().isEmpty }
            #expect(isStopped, "the guest runs on")
            let kept = Folder.namesIfAny(in: user.folder.path("state/oscircular/overlays"))
            #expect(kept.contains("\(session.id).wrong-digest.qcow2"), "\(kept)")
            let listed = try await user.client("list", "ubuntu-24.04")
            #expect(listed.contains("was not what its vendor says"), "\(listed)")
            #expect(listed.contains("127.0.0.1"), "\(listed)")
        }
    }

    /// Fedora IoT's file is xz of one block here.
    @Test(.timeLimit(.minutes(10)))
    func whatCannotBeStreamedIsDownloadedVerifiedUnpackedAndBooted() async throws {
        try await VendorUser.with { user in
            let started = try await user.attempt("boot", "fedora-44-iot", "--detach", "--accel", "tcg")
            #expect(started.status == 0, "\(started.error)")
            // On a quick machine only its unpacking may be seen.
            let words = ["to download first", "it cannot start before"]
            #expect(words.contains { started.error.contains($0) }, "\(started.error)")
            let session = try #require(try await user.sessions().first)
            // Before the guest's first read, not when it is complete.
            #expect(session.trust == .whole && session.verified == true && session.download == nil)
            _ = try await user.console(of: session, shows: "READY")
            try await user.client("stop", session.id, "--force")
            let asked = user.museum.requests(containing: ".raw.xz").count
            user.museum.server.stop()
            let again = try await user.boot("fedora-44-iot")
            _ = try await user.console(of: again, shows: "READY")
            try await user.client("stop", again.id, "--force")
            #expect(user.museum.requests(containing: ".raw.xz").count == asked)
        }
    }

    @Test func whatIsLessSureThanTheSettingsAskForIsRefused() async throws {
        try await VendorUser.with(configuration: "[vendors]\nleast = \"pieces\"\n") { user in
            let refused = try await user.attempt("boot", "arch", "--detach", "--accel", "tcg")
            #expect(refused.status == 77, "\(refused.error)")
            #expect(refused.error.contains("vendors.least"), "\(refused.error)")
            // The file's beginning; the others are for its digest and its signature.
            #expect(user.museum.requests(containing: ".qcow2").count { $0.hasSuffix(".qcow2") } <= 1)
        }
    }

    @Test func anUnverifiedVersionIsNotBootedWithoutBeingAsked() async throws {
        try await VendorUser.with { user in
            let refused = try await user.attempt("boot", "debian-13-nocloud", "--detach", "--accel", "tcg")
            #expect(refused.status == 77, "\(refused.error)")
            #expect(refused.error.contains("--unverified"), "\(refused.error)")
        }
    }

    @Test(
        .timeLimit(.minutes(15)),
        .enabled(
            if: geteuid() == 0 && ProgramPath.find("mmdebstrap") != nil, "building a Debian needs root and mmdebstrap"))
    func aCloudImageOfDebianTakesTheSessionsKeyFromItsSeed() async throws {
        let disk = try await Museum.cloudDebian()
        try await VendorUser.with(cloud: disk) { user in
            let session = try await user.boot("debian-13", "--unverified", "--memory", "512")
            _ = try await user.console(of: session, shows: "login:", within: 300)
            let login = try await eventually(within: .seconds(120)) {
                try await user.attempt("ssh", session.id, "id -un").output == "debian\n"
            }
            #expect(login, "nobody can log in")
        }
    }
}
