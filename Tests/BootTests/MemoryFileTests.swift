import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// A guest's memory in a file: what is read is what was written, or an error.
@Suite struct MemoryFileTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.path("memory.zst") }

    init() throws { folder = try TemporaryDirectory() }

    static let origin = MemoryOrigin(
        emulator: .init(major: 7, minor: 2, micro: 22), machine: "pc-q35-7.2", addresses: [], processor: nil)

    /// More than two frames; some of it can be packed, some not.
    private static let content: [UInt8] = {
        var random = SeededRandom(seed: 7)
        return (0..<2_500_001).map { $0 % 3 == 0 ? UInt8.random(in: 0...255, using: &random) : 0 }
    }()

    /// A file in place of the pipe: both end.
    private func write(_ bytes: [UInt8]) throws -> SuspendRecord.Memory {
        try AtomicFile.write(bytes, to: folder.path("from"))
        let written = try MemoryFile.write(from: try FileHandle(folder.path("from"), for: .reading), to: path)
        return SuspendRecord.Memory(
            size: written.size, content: written.content, digest: written.digest, origin: Self.origin)
    }

    private func feed(_ memory: SuspendRecord.Memory) throws -> [UInt8] {
        let target = try FileHandle(folder.path("to"), for: .both, [.create, .truncate])
        try MemoryFile.feed(path, memory, id: "abcd1234", to: target)
        return try FileContents.read(folder.path("to"), limit: 1 << 24)
    }

    @Test func whatIsReadIsWhatWasWritten() throws {
        for bytes in [Self.content, Array(Self.content.prefix(1 << 20)), [1]] {
            Paths.removeIfPossible(path)
            let memory = try write(bytes)
            #expect(memory.content == UInt64(bytes.count))
            #expect(try Paths.status(path)?.permissions == 0o600)
            #expect(try feed(memory) == bytes)
        }
    }

    @Test func whatWasChangedOrCutIsDamaged() throws {
        let memory = try write(Self.content)
        let whole = try FileContents.read(path, limit: 1 << 24)
        var wrong: [[UInt8]] = [[], Array(whole.dropLast()), whole + [0], Array(whole.prefix(whole.count / 2))]
        for place in stride(from: 0, to: whole.count, by: whole.count / 9) {
            var changed = whole
            changed[place] ^= 0x10
            wrong.append(changed)
        }
        for bytes in wrong {
            try AtomicFile.write(bytes, to: path, mode: 0o600)
            let error = #expect(throws: SuspendError.self) { _ = try feed(memory) }
            guard case .damaged("abcd1234", path, _)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        try Paths.remove(path)
        #expect(throws: SuspendError.self) { _ = try feed(memory) }
    }

    @Test func aDiskWithoutRoomEndsIt() throws {
        try AtomicFile.write(Self.content, to: folder.path("from"))
        let error = #expect(throws: SystemCallError.self) {
            _ = try MemoryFile.write(from: try FileHandle(folder.path("from"), for: .reading), to: path) { bytes in
                if bytes > 100_000 { throw SystemCallError(.noSpace, call: "write", subject: path) }
            }
        }
        #expect(error?.number == .noSpace)
    }

    @Test func aSavingIsCommittedOrCancelledAndNeverBoth() throws {
        let first = SavingTurn()
        #expect(first.cancel())
        #expect(first.isCancelled)
        #expect(throws: CancellationError.self) { try first.commit { Issue.record("it was cancelled") } }
        let second = SavingTurn()
        try second.commit {}
        #expect(!second.cancel())
        #expect(!second.isCancelled)
        let third = SavingTurn()
        #expect(throws: SystemCallError.self) {
            try third.commit { throw SystemCallError(.noSpace, call: "write") }
        }
        #expect(third.cancel(), "what could not be written down is not committed")
    }
}
