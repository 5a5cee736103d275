import Glibc
import GuestNetwork
import Linux
import TestSupport
import Testing

@testable import GuestDomain

/// A real guest whose folder is taken away and given back while it runs, as around a suspend.
@Suite(
    .serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)),
    .enabled(if: FolderServer.isInstalled, "NOT TESTED: virtiofsd is missing"))
struct PluggedFolderTests {
    /// What the guest does: it tells each step on its console.
    private static let steps = """
        entries=/sys/firmware/qemu_fw_cfg/by_name/opt/oscircular
        drivers=/sys/bus/virtio/drivers/virtiofs
        sh $entries/share/raw; echo "MOUNT $?"
        cat /mnt/host/file
        sleep 1000 < /mnt/host/file &
        sh $entries/removal/raw; echo "BUSY $?"
        kill $!
        wait
        sh $entries/removal/raw; echo "REMOVED $?"
        while ls $drivers | grep -q virtio; do sleep 1; done
        echo GONE
        until ls $drivers | grep -q virtio; do sleep 1; done
        sh $entries/share/raw; echo "AGAIN $?"
        cat /mnt/host/file
        umount /mnt/host
        rmmod virtiofs
        sh $entries/share/raw; echo "NONE $?"

        """

    @Test(.timeLimit(.minutes(3)))
    func isTakenAwayAndGivenBack() async throws {
        let fixture = try await GuestFixture()
        let folder = try fixture.folder.makeFolder("shared")
        try Paths.setOwner(folder, 61_500, 61_500)
        try Paths.setPermissions(folder, 0o755)
        try fixture.folder.write(Array("FIRST\n".utf8), to: "shared/file")
        // QEMU's user must get at it.
        let image = fixture.imagePath
        let copy = try await BuiltProgram.runAny("cp", ["--sparse=always", try await TinyGuest.image(), image])
        #expect(copy.status == 0, "\(copy.stderr)")
        try Paths.setPermissions(image, 0o444)
        var guest = try await fixture.specification(
            imagePath: image, size: try #require(try Paths.status(image)).size)
        guest.memoryMiB = 192
        let share = GuestShare(
            kind: .virtiofs, path: folder, isReadOnly: false, socketPath: fixture.folder.path("folder-socket"))
        guest.share = share
        for (name, text) in [("cmd", Self.steps), ("share", share.script), ("removal", GuestShare.removal)] {
            try fixture.folder.write(Array(text.utf8), to: name)
            guest.firmwareEntries.append(.init(name: "opt/oscircular/\(name)", path: fixture.folder.path(name)))
        }
        func serve() throws -> FolderServer {
            try FolderServer(
                folder, isReadOnly: false, user: .init(SandboxUser(number: 61_500), name: "61500"),
                socketPath: share.socketPath, socketOwner: fixture.user.id
            ) { _ in }
        }
        func says(_ text: String) async -> Bool {
            await eventually(within: .seconds(60)) { fixture.output.contains(text) }
        }
        var server = try serve()
        try await fixture.run(guest) { running, recorder in
            server.closeDoor()
            #expect(await says("REMOVED 0"), "\(fixture.output.suffix(2000))")
            #expect(fixture.output.contains("MOUNT 0") && fixture.output.contains("FIRST"))
            // What is in use stays.
            #expect(fixture.output.contains("uses /mnt/host") && fixture.output.contains("BUSY 1"))
            // That it waited before its first instruction is nobody's news.
            #expect(!recorder.has(.paused(isForError: false)) && !recorder.has(.resumed))
            try await running.unplugShare(within: .seconds(30))
            #expect(await says("GONE"), "\(fixture.output.suffix(2000))")
            #expect(await eventually { !server.isRunning }, "it ends when its guest leaves")
            // Nothing is there to take away.
            try fixture.folder.write(Array("SECOND\n".utf8), to: "shared/file")
            server = try serve()
            try await running.plug(share)
            server.closeDoor()
            #expect(await says("NONE"), "\(fixture.output.suffix(2000))")
            #expect(fixture.output.contains("AGAIN 0") && fixture.output.contains("SECOND"))
            // A kernel that has no driver for it says so.
            #expect(fixture.output.contains("oscircular-share: this system's kernel has no virtiofs"))
            #expect(fixture.output.contains("NONE 1"))
        }
        #expect(await eventually { !server.isRunning })
    }
}
