import FUSE
import Glibc
import GuestDomain
import Linux
import Synchronization
import TestSupport
import Testing

/// A guest whose disk gives errors for a while, as when its blocks do not come.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct FailingDiskTests {
    /// A disk with a boot sector, whose reads fail on demand.
    private final class FailingReader: FileReader {
        let fails = Mutex(false)
        let failures = Mutex(0)
        private let sector: [UInt8]

        init(_ sector: [UInt8]) { self.sector = sector }

        func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
            if fails.withLock({ $0 }) {
                failures.withLock { $0 += 1 }
                return { $0.fail(.inputOutput) }
            }
            var bytes = [UInt8](repeating: 0, count: size)
            if offset < 512 {
                let start = Int(offset)
                let count = min(512 - start, size)
                bytes.replaceSubrange(0..<count, with: sector[start..<(start + count)])
            }
            bytes.withUnsafeBytes(reply)
            return nil
        }
    }

    @Test func theGuestWaitsAndNeverHearsOfTheError() async throws {
        let fixture = try await GuestFixture()
        let reader = FailingReader(BootSector.reader)
        let user = fixture.user.id
        let mount = try fixture.folder.makeFolder("mount")
        let session = try await WorkerThread.run(name: "test-mount") {
            try FUSEMount(
                mountingAt: mount, fileName: "image", size: UInt64(BootSector.readerDiskSize), modified: 0,
                options: FUSEMount.Options(readers: .user(user)), reader: reader)
        }
        let result: Result<Void, any Error>
        do { result = .success(try await watch(fixture, mount, reader)) } catch { result = .failure(error) }
        try session.unmount(force: true)
        await session.waitUntilUnmounted()
        try result.get()
    }

    private func watch(
        _ fixture: GuestFixture, _ mount: String, _ reader: FailingReader
    ) async throws {
        let specification = try await fixture.specification(
            imagePath: "\(mount)/image", size: BootSector.readerDiskSize)
        try await fixture.run(specification) { guest, recorder in
            #expect(
                await eventually(within: .seconds(30)) { fixture.output.contains("READY\r\n..") }, "\(fixture.output)")
            reader.fails.withLock { $0 = true }
            #expect(await eventually { recorder.has(.paused(isForError: true)) }, "\(recorder.events)")
            #expect(recorder.events.contains { if case .ioError(_, isFull: false) = $0 { true } else { false } })
            #expect(await guest.state() == .paused(isForError: true))
            let output = fixture.output

            // Too early: it stops again at once.
            try? await guest.resume()
            #expect(
                await eventually { recorder.events.filter { $0 == .paused(isForError: true) }.count >= 2 },
                "\(recorder.events)")
            #expect(fixture.output == output)

            reader.fails.withLock { $0 = false }
            try await guest.resume()
            #expect(await eventually { fixture.output.count > output.count + 3 }, "\(recorder.events)")
            #expect(!fixture.output.contains("E."), "the guest was told of an error")
            #expect(!fixture.output.hasSuffix("E"), "the guest was told of an error")
            #expect(reader.failures.withLock { $0 } >= 2)
        }
    }
}
