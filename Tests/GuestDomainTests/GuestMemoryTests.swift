import Glibc
import GuestDomain
import Linux
import TestSupport
import Testing

/// Memory of real guests: saved, and loaded into another QEMU.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct GuestMemoryTests {
    enum Kind: String, CaseIterable, Sendable { case plain, window, uefi }

    /// As the program does: a QEMU that gives up leaves a pipe without a reader.
    init() { signal(SIGPIPE, SIG_IGN) }

    /// Reads a pipe to its end.
    private static func read(_ pipe: FileHandle, to path: String) throws {
        let file = try FileHandle(path, for: .writing, [.create, .truncate], mode: 0o600)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        while case .bytes(let count) = try pipe.receive(into: buffer) {
            try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func write(_ path: String, to pipe: FileHandle) throws {
        let file = try FileHandle(path, for: .reading)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            if count == 0 { return }
            try pipe.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
        }
    }

    /// Saves a guest that runs, ends it, and gives where its memory came from.
    private func save(_ guest: RunningGuest, to path: String) async throws -> MemoryOrigin {
        try await guest.suspend()
        let origin = try await guest.memoryOrigin(.tcg)
        try await guest.saveMemory({ try Self.read($0, to: path) }, isCancelled: { false })
        return origin
    }

    @Test(arguments: Kind.allCases) func aGuestGoesOnInAnotherQEMU(_ kind: Kind) async throws {
        let fixture = try await GuestFixture()
        var specification = try await fixture.specification(BootSector.echo)
        switch kind {
        case .plain: break
        case .window:
            specification.screen = GuestScreen(
                try await fixture.connection.screenKind(.tcg, .x86_64), socketPath: fixture.folder.path("screen/qemu"))
            specification.cpus = 2
        case .uefi:
            specification.firmware = .uefi
            specification.memoryMiB = 256
        }
        let memory = fixture.folder.path("memory")
        let guest = try await RunningGuest.start(specification, on: fixture.connection)
        let isReady = await eventually(within: .seconds(90)) {
            fixture.output.contains(kind == .uefi ? "BdsDxe" : "READY")
        }
        #expect(isReady, "\(fixture.output)")
        let origin = try await save(guest, to: memory)
        #expect(origin.machine.hasPrefix("pc-q35-") && !origin.addresses.isEmpty && origin.processor == nil)
        if kind == .uefi {
            try UEFIFirmware.copyVariables(
                try FileHandle(specification.nvramPath, for: .reading), to: fixture.folder.path("kept.fd"))
        }
        try await guest.end()
        if kind == .uefi {
            try Paths.rename(fixture.folder.path("kept.fd"), to: specification.nvramPath)
            specification.hasVariables = true
        }
        // Another name and number, as a session of its own would have.
        (specification.name, specification.uuid) = (specification.name + "-2", RandomUUID.make())
        let output = fixture.output
        let committed = Monitor(false)
        let (again, note) = try await RunningGuest.resume(
            specification, on: fixture.connection, from: origin, feed: { try Self.write(memory, to: $0) },
            commit: { committed.change { $0 = true } })
        #expect(note == nil && committed.change { $0 })
        #expect(await again.state() == .running)
        if kind != .uefi {
            let viewer = try FakeGuest(fixture.folder.path("console"))
            try viewer.say("m")
            #expect(await eventually { fixture.output.hasSuffix("m") }, "\(fixture.output)")
        }
        #expect(fixture.output.hasPrefix(output), "it has not booted")
        try await again.end()
        await fixture.console.finish()
    }

    @Test func whatDoesNotFitIsSaidAndNothingOfItRuns() async throws {
        let fixture = try await GuestFixture()
        var specification = try await fixture.specification(BootSector.echo)
        let memory = fixture.folder.path("memory")
        let guest = try await RunningGuest.start(specification, on: fixture.connection)
        #expect(await fixture.isReady())
        // Cancelled, and without room: it goes on both times.
        try await guest.suspend()
        await #expect(throws: CancellationError.self) {
            try await guest.saveMemory({ try Self.read($0, to: memory) }, isCancelled: { true })
        }
        // QEMU may have been done before it heard of that, and then saves again only what has run.
        try await guest.resume()
        try await guest.suspend()
        let full = await #expect(throws: SystemCallError.self) {
            try await guest.saveMemory(
                { _ in throw SystemCallError(.noSpace, call: "write", subject: memory) }, isCancelled: { false })
        }
        #expect(full?.number == .noSpace)
        try await guest.resume()
        #expect(await guest.state() == .running)
        let origin = try await save(guest, to: memory)
        try await guest.end()

        specification.name += "-2"
        func expectMisfit(
            _ specification: GuestSpecification, _ origin: MemoryOrigin, _ words: String,
            _ location: SourceLocation = #_sourceLocation
        ) async {
            let error = await #expect(throws: GuestDomainError.self, sourceLocation: location) {
                _ = try await RunningGuest.resume(
                    specification, on: fixture.connection, from: origin, feed: { try Self.write(memory, to: $0) },
                    commit: { Issue.record("it would have run", sourceLocation: location) })
            }
            guard case .memoryMisfit(let reason)? = error else {
                Issue.record("\(String(describing: error))", sourceLocation: location)
                return
            }
            #expect(reason.contains(words), "\(reason)", sourceLocation: location)
        }
        var other = origin
        other.emulator = .init(major: 99, minor: 0, micro: 0)
        await expectMisfit(specification, other, "99.0.0")
        other = origin
        other.machine = "pc-q35-99.0"
        await expectMisfit(specification, other, "pc-q35-99.0")
        var larger = specification
        larger.memoryMiB = 128
        await expectMisfit(larger, origin, "")
        await fixture.console.finish()
    }
}
