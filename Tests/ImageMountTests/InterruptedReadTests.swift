import FUSE
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

/// Readers that die, and mounts that end, while reads are being answered by other threads.
@Suite(
    .serialized, .enabled(if: mayMount, "NOT TESTED: FUSE mounts need /dev/fuse, and fusermount3 for others than root"))
struct InterruptedReadTests {
    /// Every byte of the file.
    private static let byte: UInt8 = 0x5a

    /// Answers from a thread of its own, a moment later.
    private final class BackgroundReader: FileReader {
        private let requests = Monitor<[ReadRequest]?>([])
        let asked = Atomic(0)

        init() throws {
            try WorkerThread.start(name: "test-answers") { [requests] in
                while let next = requests.wait({ Self.take(&$0) }) ?? nil {
                    usleep(300)
                    for request in next {
                        [UInt8](repeating: InterruptedReadTests.byte, count: request.size)
                            .withUnsafeBytes { request.reply($0) }
                    }
                }
            }
        }

        deinit { requests.change { $0 = nil } }

        func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
            asked.add(1, ordering: .relaxed)
            return { request in self.requests.change { $0?.append(request) } }
        }

        private static func take(_ waiting: inout [ReadRequest]?) -> [ReadRequest]?? {
            guard let requests = waiting else { return .some(nil) }
            if requests.isEmpty { return nil }
            waiting = []
            return .some(requests)
        }
    }

    /// Holds every read at the point where no interrupt function is set yet, until the gate opens.
    private final class HoldingReader: FileReader {
        let gate = Monitor((isOpen: false, held: 0))
        let late = Mutex<[(wasAnswered: Bool, request: ReadRequest)]>([])

        func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
            gate.change { $0.held += 1 }
            _ = gate.wait { $0.isOpen ? () : nil }
            return { request in self.late.withLock { $0.append((request.isAnswered, request)) } }
        }
    }

    private let folder: TemporaryFolder
    private let directory: String

    init() throws {
        folder = try TemporaryFolder()
        directory = try folder.makeFolder("mount")
    }

    /// - Parameter interruptible: one read at a time, and the kernel tells of its reader's death.
    private func mount(_ reader: any FileReader, interruptible: Bool) async throws -> FUSEMount {
        let directory = directory
        return try await WorkerThread.run(name: "test-mount") {
            try FUSEMount(
                mountingAt: directory, fileName: "file", size: 1 << 20, modified: 1_000_000_000,
                options: FUSEMount.Options(parallelDirectReads: !interruptible), reader: reader)
        }
    }

    /// Reads past the page cache, a page at a time.
    private func directReader(pages: Int = 256) throws -> TestProcess {
        try TestProcess([
            "dd", "if=\(directory)/file", "of=/dev/null", "bs=4096", "count=\(pages)", "iflag=direct", "status=none",
        ])
    }

    @Test func aReaderKilledBeforeItsReadIsRegisteredIsAnsweredOnce() async throws {
        let reader = HoldingReader()
        let mounted = try await mount(reader, interruptible: true)
        let children = try (0..<4).map { _ in try directReader(pages: 1) }
        #expect(await eventually { reader.gate.change { $0.held } >= 4 })
        for child in children { child.kill() }
        // The kernel hands out interrupts before any other request: once this is answered they have been taken.
        for _ in 0..<4 {
            var figures = statvfs()
            #expect(statvfs(directory, &figures) == 0)
        }
        reader.gate.change { $0.isOpen = true }
        for child in children { #expect(try await child.wait(seconds: 5) == -SIGKILL) }
        #expect(await eventually { reader.late.withLock { $0.count { $0.request.isAnswered } } >= 4 })
        // Whoever comes later is answered too, and harms nobody.
        for (_, request) in reader.late.withLock({ $0 }) { request.fail(.inputOutput) }
        try mounted.unmount(force: true)
        await mounted.waitUntilUnmounted()
    }

    @Test func readersThatAreKilledUnderLoadLeaveAServerThatAnswers() async throws {
        let reader = try BackgroundReader()
        let mounted = try await mount(reader, interruptible: true)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<40 {
            let children = try (0..<6).map { _ in try directReader() }
            try await Task.sleep(for: .microseconds(Int.random(in: 500...8000, using: &random)))
            for child in children { child.kill() }
            for child in children {
                let code = try #require(try await child.wait(seconds: 10), "a killed reader hangs")
                #expect(code == -SIGKILL || code == 0)
            }
        }
        #expect(reader.asked.load(ordering: .relaxed) > 100)
        #expect(try await exitCode("[ $(dd if='\(directory)/file' bs=64k iflag=direct | tr -d Z | wc -c) = 0 ]") == 0)
        try mounted.unmount(force: true)
        await mounted.waitUntilUnmounted()
    }

    @Test(arguments: [true, false]) func aMountThatEndsWhileReadsComeAnswersEveryOne(interruptible: Bool) async throws {
        for _ in 0..<10 {
            let reader = try BackgroundReader()
            let mounted = try await mount(reader, interruptible: interruptible)
            let children = try (0..<6).map { _ in try directReader() }
            #expect(await eventually { reader.asked.load(ordering: .relaxed) > 0 })
            try mounted.unmount(force: true)
            for child in children {
                let code = try #require(try await child.wait(seconds: 10), "a reader of a mount that ended hangs")
                // Some read all before, some after, when there was nothing.
                #expect(code == 1 || code == 0)
            }
            await mounted.waitUntilUnmounted()
        }
    }
}
