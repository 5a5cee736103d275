import ContentAddress
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

@Suite struct SourceAndProgressTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func anImageThatIsWrittenToMeanwhileIsRefused() throws {
        let path = folder.file("a.img")
        try PublisherFixtures.writeImage([.random(10_000, seed: 1)], to: path)
        let source = try ImageSource(path: path)
        try source.checkUnchanged()
        try FileHandle(path: path, flags: O_WRONLY | O_APPEND).write("x")
        #expect(throws: PublisherError.image(path: path, .changed)) { try source.checkUnchanged() }
        truncate(path, 10)
        let run = ReadRun(capacity: 10_000)
        run.count = 10_000
        #expect(throws: PublisherError.image(path: path, .changed)) { try source.read(into: run.space, at: 0) }
    }

    @Test func theDigestOfHolesIsSaid() throws {
        let path = folder.file("a.img")
        try PublisherFixtures.writeImage([.random(5000, seed: 1), .hole(30_000_000)], to: path)
        let progress = PublishProgress()
        let source = try ImageSource(path: path)
        let digest = try ImageDigester(source: source).finish(progress, Cancellation())
        #expect(digest == FileDigest.sha256(of: try folder.bytes("a.img")))
        #expect(progress.snapshot.phase == .digest)
        #expect(progress.snapshot.total == source.size)
    }

    @Test func extentsOfASparseFileAreFound() throws {
        let path = folder.file("a.img")
        try PublisherFixtures.writeImage([.hole(1_048_576), .random(4096, seed: 1), .hole(1_048_576)], to: path)
        let source = try ImageSource(path: path)
        let data = try #require(source.data(from: 0))
        #expect(data.contains(1_048_576))
        #expect(data.upperBound >= 1_048_576 + 4096)
        #expect(source.data(from: data.upperBound) == nil)
    }

    @Test func theProgressLineHasBytesRateAndTheRest() {
        let snapshot = PublishProgress.Snapshot(phase: .blocks, done: 500_000_000, total: 1_500_000_000, started: 1000)
        #expect(
            ProgressLine.text(snapshot, now: 1000 + 2_000_000_000)
                == "blocks: 500.0 MB of 1.5 GB, 33 %, 250.0 MB/s, 5 s left")
        let unknown = PublishProgress.Snapshot(phase: .convert, done: 0, total: 0, started: 0)
        #expect(ProgressLine.text(unknown, now: 61_000_000_000) == "convert: 1 min 01 s")
        let start = PublishProgress.Snapshot(phase: .verify, done: 0, total: 10, started: 5)
        #expect(ProgressLine.text(start, now: 5) == "verify: 0 B of 10 B, 0 %")
    }
}

extension FileHandle {
    fileprivate func write(_ text: String) throws {
        let bytes = Array(text.utf8)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw SystemCallError.last("write") }
    }
}
