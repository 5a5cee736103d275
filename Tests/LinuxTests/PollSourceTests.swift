import Glibc
import Linux
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct PollSourceTests {
    @Test func whatHappensIsFoundWhereItHappened() throws {
        let (first, second) = (try Pipe(), try Pipe())
        var sources = [
            PollSource(first.reading.descriptor), PollSource(nil), PollSource(second.reading.descriptor),
            PollSource(second.writing.descriptor, .writable),
        ]
        #expect(try PollSource.wait(for: &sources, milliseconds: 0))
        #expect(sources.map(\.hasNews) == [false, false, false, true])
        try [UInt8]("x".utf8).withBytes { (bytes) throws(SystemCallError) in try second.writing.write(bytes) }
        #expect(try PollSource.wait(for: &sources))
        #expect(sources.map(\.isReadable) == [false, false, true, false])
        #expect(sources[3].found == .writable)
    }

    @Test func theEndOfAPipeIsReadable() throws {
        var pipe: Pipe? = try Pipe()
        let reading = try #require(pipe?.reading)
        pipe = nil
        var sources = [PollSource(reading.descriptor)]
        #expect(try PollSource.wait(for: &sources, milliseconds: 5000))
        #expect(sources[0].isReadable && sources[0].found.contains(.hungUp))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
        defer { buffer.deallocate() }
        #expect(try reading.receive(into: buffer) == .end)
    }

    @Test func aWaitEndsWithItsTime() throws {
        let pipe = try Pipe()
        var sources = [PollSource(pipe.reading.descriptor)]
        let begun = MonotonicClock.nanoseconds
        #expect(try !PollSource.wait(for: &sources, milliseconds: 30))
        #expect(MonotonicClock.nanoseconds - begun >= 29_000_000)
        #expect(!sources[0].hasNews)
    }

    @Test func aSocketTakesWhatItHasRoomForAndTellsThatNobodyReads() throws {
        let folder = try TemporaryDirectory(in: "/tmp")
        let listener = try UnixListener(path: folder.path("socket"))
        let client = try UnixListener.connect(to: listener.path)
        var server = listener.accept(nonblocking: true)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 1)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 7)
        #expect(try server?.receive(into: buffer) == .nothingYet)
        try client.makeNonblocking()
        var sent = 0
        while case let count = try client.send(UnsafeRawBufferPointer(buffer)), count > 0 { sent += count }
        #expect(sent > 1000)
        guard case .bytes(let count) = try server?.receive(into: buffer) else {
            Issue.record("nothing came")
            return
        }
        #expect(count > 0 && buffer[0] == 7)
        server = nil
        let error = #expect(throws: SystemCallError.self) { try client.send(UnsafeRawBufferPointer(buffer)) }
        #expect(error?.number == .brokenPipe)
    }
}
