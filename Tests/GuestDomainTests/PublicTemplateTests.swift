import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestDomain

/// A template whose memory is to be published (`share/park`), in the tiny guest, with QEMU alone.
@Suite(
    .serialized, .timeLimit(.minutes(6)),
    .enabled(if: access(PlainGuest.program, X_OK) == 0, "SKIPPED: needs qemu-system-x86"))
struct PublicTemplateTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory(in: "/tmp") }

    /// Boots a template that runs a script before it parks.
    private func template(_ park: String, _ script: String) async throws -> PlainGuest {
        let made = try ChildProcess.run(
            "qemu-img",
            [
                "create", "-q", "-f", "qcow2", "-F", "raw", "-b", try await TinyGuest.image(),
                folder.path("template.qcow2"),
            ])
        try #require(made.ending == .exited(0), "\(made.text)")
        let text = "\(script)\n/sbin/park /sbin/park-before /sbin/park-after\nsleep 300\n"
        return try await PlainGuest(
            "template", in: folder, park: park,
            files: ["cmd": try folder.write(Array(text.utf8), to: "script")])
    }

    @Test(arguments: ["ssh/ssh_host_ed25519_key", "dropbear/dropbear_rsa_host_key"])
    func oneThatHasHostKeysRefuses(key: String) async throws {
        let script = "mkdir -p /etc/ssh /etc/dropbear && echo secret > /etc/\(key)"
        let guest = try await template("park 1\npublic", script)
        #expect(await guest.says("OSCIRCULAR-NO-PARK it has ssh host keys", within: 120), "\(guest.text)")
        #expect(!guest.text.contains("OSCIRCULAR-PARKED"))
    }

    /// Pages that a file had which is gone, in what is saved of the memory.
    private func pagesLeft(_ park: String) async throws -> Int {
        let script = "head -c 20000000 /dev/zero | tr '\\000' Q > /tmp/file; rm /tmp/file; : > /etc/ssh_host_key"
        let guest = try await template(park, script)
        try #require(await guest.says("OSCIRCULAR-PARKED", within: 180), "\(guest.text)")
        try await guest.save(to: folder.path("memory"))
        let memory = try FileContents.read(folder.path("memory"), limit: 1 << 30)
        let page = [UInt8](repeating: UInt8(ascii: "Q"), count: 4096)
        return memory.withUnsafeBytes { bytes in
            var (count, position) = (0, 0)
            while let next = bytes.firstOffset(of: page, from: position) {
                count += 1
                position = next + page.count
            }
            return count
        }
    }

    @Test func whatWasFreedIsOverwritten() async throws {
        let usual = try await pagesLeft("park 1")
        #expect(usual > 1000, "of 4882 pages that were freed, \(usual) are still in the memory of a usual template")
        Paths.removeIfPossible(folder.path("template.qcow2"))
        let cleared = try await pagesLeft("park 1\npublic")
        #expect(cleared < 50, "\(cleared) pages")
    }
}
