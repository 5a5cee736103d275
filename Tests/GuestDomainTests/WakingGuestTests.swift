import Formats
import Glibc
import GuestNetwork
import Linux
import TestSupport
import Testing

@testable import GuestDomain

/// Real guests that go on from the memory of one that slept: each is a system of its own, and gets what is plugged in.
@Suite(
    .serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)),
    .enabled(if: FolderServer.isInstalled, "NOT TESTED: virtiofsd is missing"))
struct WakingGuestTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    /// Tells on the console what a clone has of its own, and then its home and its folder.
    private static let home = """
        echo "RANDOM $(head -c 16 /dev/urandom | base64)"
        echo "MACHINE $(cat /etc/machine-id)"
        echo "TIME $(date +%s)"
        for try in 1 2 3 4 5 6 7 8 9 10; do
            for block in /sys/block/*; do
                [ "$(cat "$block/serial" 2> /dev/null)" = oscircular-home ] && echo "DISK $(head -c 5 /dev/${block##*/})" && break 2
            done
            sleep 1
        done

        """

    private struct Fixture {
        let base: GuestFixture
        var guest: GuestSpecification
        var memory: String { base.folder.path("memory") }
    }

    private func template() async throws -> Fixture {
        let fixture = try await GuestFixture()
        let image = fixture.imagePath
        let copy = try await BuiltProgram.runAny("cp", ["--sparse=always", try await TinyGuest.image(), image])
        #expect(copy.status == 0, "\(copy.stderr)")
        try Paths.setPermissions(image, 0o444)
        var guest = try await fixture.specification(
            imagePath: image, size: try #require(try Paths.status(image)).size)
        guest.memoryMiB = 192
        guest.firmwareEntries = try #require(try ParkEntries.write(nil, to: fixture.folder.path))
        return Fixture(base: fixture, guest: guest)
    }

    private func says(_ text: String, _ fixture: GuestFixture, after start: Int = 0) async -> Bool {
        await eventually(within: .seconds(60)) { fixture.output.dropFirst(start).contains(text) }
    }

    private static func save(_ pipe: FileHandle, to path: String) throws {
        let file = try FileHandle(path, for: .writing, [.create, .truncate], mode: 0o600)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 8)
        defer { buffer.deallocate() }
        while case .bytes(let count) = try pipe.receive(into: buffer) {
            try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func feed(_ path: String, to pipe: FileHandle) throws {
        let file = try FileHandle(path, for: .reading)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 8)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            if count == 0 { return }
            try pipe.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
        }
    }

    @Test(.timeLimit(.minutes(6)))
    func clonesAreSystemsOfTheirOwnWithWhatIsPluggedIn() async throws {
        let template = try await template()
        let (fixture, memory) = (template.base, template.memory)
        let guest = try await RunningGuest.start(template.guest, on: fixture.connection)
        #expect(await says("OSCIRCULAR-PARKED", fixture), "\(fixture.output.suffix(2000))")
        try await Task.sleep(for: .seconds(2))
        try await guest.suspend()
        let origin = try await guest.memoryOrigin(.tcg)
        try await guest.saveMemory({ try Self.save($0, to: memory) }, isCancelled: { false })
        try await guest.end()
        let frozen = fixture.folder.path("frozen.qcow2")
        try Paths.rename(fixture.overlayPath, to: frozen)
        try Paths.setPermissions(frozen, 0o444)

        let shared = try fixture.folder.makeFolder("shared")
        try Paths.setOwner(shared, 61_500, 61_500)
        try Paths.setPermissions(shared, 0o755)
        try fixture.folder.write(Array("FOLDER\n".utf8), to: "shared/file")
        let disk = fixture.folder.path("home.raw")
        try AtomicFile.write(Array("HOME!".utf8), to: disk, mode: 0o600)
        try systemCall("truncate") { truncate(disk, 1 << 20) }
        let share = GuestShare(
            kind: .virtiofs, path: shared, isReadOnly: false, socketPath: fixture.folder.path("folder-socket"))

        var (randoms, machines): (Set<Substring>, Set<Substring>) = ([], [])
        for number in 0..<3 {
            let start = fixture.output.count
            var clone = template.guest
            (clone.name, clone.uuid) = (template.guest.name + "-\(number)", RandomUUID.make())
            clone.layers = [frozen]
            Paths.removeIfPossible(fixture.overlayPath)
            let (overlay, size) = (fixture.overlayPath, try #require(try Paths.status(fixture.imagePath)).size)
            try await WorkerThread.run(name: "test-overlay") {
                try Overlay.create(at: overlay, backing: nil, size: UInt64(size))
            }
            var order = WakeOrder(
                seed: WakeOrder.randomSeed(), hostName: nil, user: "root", authorizedKey: "ssh-ed25519 AAAA x",
                guestKey: [1], knownHosts: [2])
            order.home = Self.home
            order.share = share.script + "cat /mnt/host/file\n"
            _ = try ParkEntries.write(order, to: fixture.folder.path)
            // The memory of one without shared memory goes on in one with it.
            clone.share = number == 0 ? nil : share
            let server =
                number == 0
                ? nil
                : try FolderServer(
                    shared, isReadOnly: false, user: .init(SandboxUser(number: 61_500), name: "61500"),
                    socketPath: share.socketPath, socketOwner: fixture.user.id
                ) { _ in }
            let begun = ContinuousClock.now
            let (running, _) = try await RunningGuest.resume(
                clone, on: fixture.connection, from: origin, feed: { try Self.feed(memory, to: $0) }, commit: {})
            try await running.shutdown()
            #expect(await says("OSCIRCULAR-AWAKE", fixture, after: start), "\(fixture.output.suffix(2000))")
            print("awake after \(ContinuousClock.now - begun)")
            try await running.plug(GuestHome(diskPath: disk, user: "ann"))
            if number > 0 { try await running.plug(share) }
            server?.closeDoor()
            #expect(await says("DISK HOME!", fixture, after: start), "\(fixture.output.suffix(2000))")
            if number > 0 {
                #expect(await says("FOLDER", fixture, after: start), "\(fixture.output.suffix(2000))")
            }
            let said = fixture.output.dropFirst(start).split(whereSeparator: \.isNewline)
            func value(_ name: String) throws -> Substring {
                try #require(said.last { $0.hasPrefix("\(name) ") }).dropFirst(name.count + 1)
            }
            randoms.insert(try value("RANDOM"))
            machines.insert(try value("MACHINE"))
            let time = try #require(Int(try value("TIME")))
            #expect(abs(time - WallClock.seconds) < 15, "\(time)")
            #expect(await running.state() == .running, "the button that woke it is none that ends it")
            try await running.end()
            server?.end()
        }
        #expect(randoms.count == 3 && machines.count == 3, "\(randoms) \(machines)")

        // Woken without a word for it, it ends by itself.
        let start = fixture.output.count
        _ = try ParkEntries.write(nil, to: fixture.folder.path)
        Paths.removeIfPossible(fixture.overlayPath)
        let (overlay, size) = (fixture.overlayPath, try #require(try Paths.status(fixture.imagePath)).size)
        try await WorkerThread.run(name: "test-overlay") {
            try Overlay.create(at: overlay, backing: nil, size: UInt64(size))
        }
        var clone = template.guest
        clone.name += "-none"
        clone.layers = [frozen]
        let (running, _) = try await RunningGuest.resume(
            clone, on: fixture.connection, from: origin, feed: { try Self.feed(memory, to: $0) }, commit: {})
        try await running.shutdown()
        #expect(await says("OSCIRCULAR-NO-SESSION", fixture, after: start), "\(fixture.output.suffix(2000))")
        #expect(await eventually(within: .seconds(20)) { await running.state() == .off })
        await running.vanish()
        await fixture.console.finish()
    }
}
