import ContentAddress
import FoundationEssentials
import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// What is written for a publisher to sign is what a reader takes, and nothing of anybody.
@Suite struct WarmExportTests {
    private let fixture: PublishedStateFixture

    init() async throws { fixture = try await PublishedStateFixture() }

    /// A state of the library, as a template leaves it.
    private func state(_ content: [UInt8]? = nil, _ change: (inout WarmRecord) -> Void = { _ in }) throws -> WarmState {
        let needs = PublishedStateFixture.needs()
        let unfinished = try #require(try fixture.library.begin(needs.key))
        try AtomicFile.write(
            content ?? FileContents.read(fixture.folder.path("raw"), limit: 1 << 24), to: fixture.folder.path("pipe"))
        let written = try MemoryFile.write(
            from: try FileHandle(fixture.folder.path("pipe"), for: .reading), to: unfinished.folder.memory)
        try AtomicFile.write(fixture.files[1], to: unfinished.folder.overlay, mode: 0o600)
        var record = fixture.made.state
        (record.memory.size, record.memory.content) = (written.size, written.content)
        record.memory.digest = written.digest
        change(&record)
        try unfinished.finish(record)
        guard case .state(let state) = fixture.library.find(needs) else {
            throw SystemCallError(.noSuchFile, call: "find")
        }
        return state
    }

    private var place: String { fixture.folder.path("export") }

    @Test func whatIsExportedIsWhatAReaderTakes() async throws {
        let size = try WarmExport.write(try state(), to: place)
        let record = try JSONDecoder().decode(
            PublishedRecord.self, from: Data(try FileContents.read("\(place)/record.json", limit: 1 << 20)))
        let bytes = try FileContents.read("\(place)/state", limit: 1 << 24)
        #expect(UInt64(bytes.count) == size && record.parts.map(\.size).reduce(0, +) == size)
        #expect(record.processor == "qemu64")
        let memory = Array(bytes.prefix(Int(record.parts[0].size)))
        #expect(FileDigest.sha256(of: memory).description == record.state.memory.digest)
        #expect(Array(bytes.dropFirst(memory.count)) == fixture.files[1])
        // Packed again, it is the same memory.
        try AtomicFile.write(memory, to: fixture.folder.path("again"))
        let target = try FileHandle(fixture.folder.path("fed"), for: .both, [.create, .truncate])
        try MemoryFile.feed(fixture.folder.path("again"), record.state.memory, id: "abcd1234", to: target)
        #expect(
            try FileContents.read(fixture.folder.path("fed"), limit: 1 << 24)
                == FileContents.read(fixture.folder.path("raw"), limit: 1 << 24))
    }

    @Test func aStateWithAPrivateKeyIsRefusedAndNothingIsLeft() throws {
        var random = SeededRandom(seed: 3)
        let key = Array("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUA\n".utf8)
        let state = try state(random.bytes(1_048_570) + key + random.bytes(1000))
        let error = #expect(throws: PublishedStateError.self) { try WarmExport.write(state, to: place) }
        guard case .secret(let what)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.contains("host key"))
        #expect(try !Paths.isThere(place))
    }

    @Test func aStateThatWasMadeForThisMachineIsNotExported() throws {
        let own = try state { $0.isForOthers = nil }
        let error = #expect(throws: PublishedStateError.self) { try WarmExport.write(own, to: place) }
        guard case .notPortable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(throws: PublishedStateError.self) {
            _ = try fixture.library.export(own.record.key, to: place)
        }
        #expect(try !Paths.isThere(place))
    }
}
