import Glibc
import GuestDomain
import Libvirt
import Linux
import TestSupport
import Testing

/// Real guests: QEMU in software emulation under libvirt's system daemon, as QEMU's own user.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct RunningGuestTests {
    private let fixture: GuestFixture

    init() async throws { fixture = try await GuestFixture() }

    /// What QEMU itself says of its devices.
    private func devices(of specification: GuestSpecification) async throws -> String {
        let arguments = ["-c", LibvirtDaemon.uri, "qemu-monitor-command", specification.name, "--hmp", "info qtree"]
        let answer = try await BuiltProgram.runAny("virsh", arguments)
        #expect(answer.status == 0, "\(answer.stderr)")
        let types = answer.stdout.split(whereSeparator: \.isNewline).compactMap { line in
            line.contains("dev: ") ? line.split(separator: ",").first?.split(separator: " ").last.map(String.init) : nil
        }
        return Set(types).sorted().joined(separator: " ")
    }

    @Test func bootsFromAnOverlayAndPowersOffAtThePowerButton() async throws {
        let specification = try await fixture.specification(BootSector.echo)
        try await fixture.run(specification) { guest, recorder in
            #expect(await fixture.isReady())
            // libvirt gives the overlay to the guest's own user, and leaves the image alone.
            #expect(fixture.owner(fixture.overlayPath) == fixture.user.id)
            #expect(fixture.user.id != fixture.connection.emulatorUser)
            #expect(try await fixture.mayRead(fixture.overlayPath, fixture.user.id))
            let other = try #require(ClaimedUser.claim(name: "oscircular-test", avoidingOwnersIn: []).first)
            #expect(try await !fixture.mayRead(fixture.overlayPath, other.id), "another guest's QEMU reads the overlay")
            #expect(fixture.owner(fixture.imagePath) == 0)
            #expect(await guest.state() == .running)
            let devices = try await devices(of: specification)
            for device in ["balloon", "ahci", "ide", "usb", "xhci", "vmport", "vmmouse"] {
                #expect(!devices.contains(device), "\(device) in \(devices)")
            }
            for device in ["virtio-blk-pci", "VGA", "isa-serial", "virtio-rng-pci"] {
                #expect(devices.contains(device), "no \(device) in \(devices)")
            }
            await guest.stop(graceful: .seconds(20))
            #expect(await eventually { recorder.isFinished })
            #expect(recorder.has(.started))
            #expect(recorder.events.last == .stopped(hasFailed: false))
            #expect(await guest.state() == .off)
        }
        #expect(try FileContents.readText(fixture.folder.path("log"), limit: 4096).contains("READY"))
        #expect(access("/var/log/libvirt/qemu/\(specification.name).log", F_OK) == -1)
    }

    /// Whatever the guest makes of the processor: QEMU ends when it cannot open the device.
    @Test(.enabled(if: access("/dev/kvm", R_OK | W_OK) == 0, "NOT TESTED: /dev/kvm is missing"))
    func itsUserMayOpenTheProcessorWhileItStartsAndNotLater() async throws {
        var specification = try await fixture.specification(BootSector.echo)
        specification.accelerator = .kvm
        let before = try Paths.status("/dev/kvm")?.permissions
        do {
            try await fixture.run(specification) { guest, _ in #expect(await guest.isActive()) }
        } catch GuestDomainError.startFailed(let cause) {
            await fixture.console.finish()
            // A machine without hardware virtualization.
            #expect(!cause.message.contains("Permission denied"), "\(cause)")
        }
        #expect(try await !fixture.mayRead("/dev/kvm", fixture.user.id))
        #expect(try Paths.status("/dev/kvm")?.permissions == before)
    }

    @Test func aGuestThatDoesNotObeyIsPoweredOffInTime() async throws {
        let specification = try await fixture.specification(BootSector.reader)
        try await fixture.run(specification) { guest, recorder in
            #expect(await fixture.isReady())
            let start = MonotonicClock.nanoseconds
            await guest.stop(graceful: .seconds(1))
            #expect(MonotonicClock.nanoseconds - start < 8_000_000_000)
            #expect(await guest.state() == .off)
            #expect(await eventually { recorder.events.last == .stopped(hasFailed: false) })
        }
    }

    @Test func whatAViewerTypesReachesTheGuest() async throws {
        let specification = try await fixture.specification(BootSector.echo)
        try await fixture.run(specification) { _, _ in
            #expect(await fixture.isReady())
            let viewer = try FakeGuest(fixture.folder.path("console"))
            try viewer.say("m")
            #expect(await eventually { fixture.output.hasSuffix("READY\r\nm") }, "\(fixture.output)")
        }
    }

    @Test func isPausedAndGoesOn() async throws {
        let specification = try await fixture.specification(BootSector.reader, size: BootSector.readerDiskSize)
        try await fixture.run(specification) { guest, recorder in
            #expect(await eventually(within: .seconds(30)) { fixture.output.contains("READY\r\n.") })
            try await guest.suspend()
            #expect(await guest.state() == .paused(isForError: false))
            #expect(await eventually { recorder.has(.paused(isForError: false)) })
            let output = fixture.output
            try await Task.sleep(for: .milliseconds(500))
            #expect(fixture.output == output)
            try await guest.resume()
            #expect(await guest.state() == .running)
            #expect(await eventually { fixture.output.count > output.count })
        }
    }

    @Test func aPausedGuestObeysTheEndToo() async throws {
        let specification = try await fixture.specification(BootSector.echo)
        try await fixture.run(specification) { guest, recorder in
            #expect(await fixture.isReady())
            try await guest.suspend()
            await guest.stop(graceful: .seconds(20))
            #expect(await eventually { recorder.events.last == .stopped(hasFailed: false) })
        }
    }

    @Test func itEndsWithTheConnection() async throws {
        let specification = try await fixture.specification(BootSector.echo)
        let watcher = try await WorkerThread.run(name: "test-libvirt") { try LibvirtConnection(uri: LibvirtDaemon.uri) }
        do {
            let connection = try await HypervisorConnection.open(LibvirtDaemon.uri)
            let guest = try await RunningGuest.start(specification, on: connection)
            #expect(await fixture.isReady())
            #expect(await guest.isActive())
        }
        #expect(
            await eventually(within: .seconds(15)) {
                let found = try? await WorkerThread.run(name: "test-libvirt") {
                    try watcher.domain(named: specification.name)
                }
                return found == nil
            }, "the guest outlived its connection")
        await fixture.console.finish()
    }

    @Test func bootsFromACDROM() async throws {
        try fixture.writeImage(BootSector.cdrom(BootSector.echo), size: 0)
        var specification = fixture.plain(imagePath: fixture.imagePath)
        specification.media = .cdrom
        specification.overlayPath = nil
        specification.hasDisplayAdapter = false
        try await fixture.run(specification) { _, _ in
            #expect(await fixture.isReady(), "\(fixture.output)")
            #expect(fixture.owner(fixture.imagePath) == 0)
            let devices = try await devices(of: specification)
            #expect(!["balloon", "usb", "xhci", "VGA", "virtio-blk"].contains(where: devices.contains), "\(devices)")
            #expect(["ahci", "ide-cd"].allSatisfy(devices.contains), "\(devices)")
        }
    }

    @Test(.enabled(if: access("/usr/share/OVMF/OVMF_CODE_4M.fd", R_OK) == 0, "SKIPPED: ovmf is not installed"))
    func startsWithUEFIAndLeavesNoVariablesBehind() async throws {
        var specification = try await fixture.specification(BootSector.echo)
        specification.firmware = .uefi
        specification.memoryMiB = 256
        try await fixture.run(specification) { guest, _ in
            // The firmware's own words, once it looks for something to boot.
            #expect(await eventually(within: .seconds(90)) { fixture.output.contains("BdsDxe") }, "\(fixture.output)")
            #expect(fixture.owner(specification.nvramPath) == fixture.user.id)
            #expect(await guest.isActive())
        }
        #expect(access(specification.nvramPath, F_OK) == -1)
    }

    @Test func itsScreenIsASocketThatGoesWithIt() async throws {
        var specification = try await fixture.specification(BootSector.echo)
        let path = fixture.folder.path("screen/qemu")
        specification.screen = GuestScreen(.vnc, socketPath: path)
        try await fixture.run(specification) { _, _ in
            #expect(try Paths.statusOfName(path)?.permissions == 0o600)
            #expect(fixture.owner(path) == fixture.user.id)
            let screen = try FakeGuest(path)
            #expect(try await screen.hearText(12) == "RFB 003.008\n")
            let devices = try await devices(of: specification)
            #expect(["qemu-xhci", "usb-tablet", "virtio-vga"].allSatisfy(devices.contains), "\(devices)")
            #expect(!devices.contains("ahci") && !devices.contains("balloon"), "\(devices)")
        }
        #expect(access(fixture.folder.path("screen"), F_OK) == -1)
    }

    @Test func aMissingImageIsNamed() async throws {
        let specification = try await fixture.specification(
            imagePath: fixture.folder.path("no-such-image"), size: 1 << 20)
        let error = await #expect(throws: GuestDomainError.self) {
            try await fixture.run(specification) { _, _ in }
        }
        guard case .startFailed(let cause) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(cause.message.contains("no-such-image"), "\(cause)")
        #expect(cause.message.contains("No such file"), "\(cause)")
        await fixture.console.finish()
    }

    @Test func emulatorsWordsAreInTheError() async throws {
        var specification = try await fixture.specification(BootSector.echo)
        // Nobody listens there, and unlike a network, a serial port that cannot connect ends QEMU.
        specification.consoleSocketPath = fixture.folder.path("nobody")
        specification.firmware = .uefi
        let error = await #expect(throws: GuestDomainError.self) {
            try await fixture.run(specification) { _, _ in }
        }
        guard case .startFailed(let cause) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(cause.message.contains("nobody"), "\(cause)")
        #expect(access(specification.nvramPath, F_OK) == -1)
        await fixture.console.finish()
    }

    @Test func theConnectionKnowsItsEmulator() async throws {
        #expect(fixture.connection.emulatorUser != nil)
        #expect(fixture.connection.emulatorUser != 0, "QEMU runs as root")
        let (accelerator, reason) = try await fixture.connection.accelerator(.tcg, for: .x86_64)
        #expect(accelerator == .tcg)
        #expect(reason == "software emulation, as asked")
        await fixture.console.finish()
    }

    @Test func aDaemonThatIsNotThereIsAnErrorWithItsURI() async throws {
        let error = await #expect(throws: GuestDomainError.self) {
            _ = try await HypervisorConnection.open("qemu+unix:///system?socket=/nowhere/libvirt-sock")
        }
        guard case .noDaemon(let uri, let cause) = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(uri.hasSuffix("/nowhere/libvirt-sock"))
        #expect(cause.message.contains("/nowhere/libvirt-sock"))
        await fixture.console.finish()
    }
}
