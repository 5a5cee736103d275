import Glibc
import TestSupport
import Testing

@testable import Linux

@Suite struct StandardOutputTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    @Test func waitsForRoomInAPipeThatDoesNotBlock() async throws {
        let pipe = try Pipe()
        _ = fcntl(pipe.writing.descriptor, F_SETFL, O_NONBLOCK)
        let output = StandardOutput(descriptor: pipe.writing.descriptor)
        let text = String(repeating: "0123456789abcde\n", count: 20_000)
        async let failure = WorkerThread.run(name: "writing") {
            output.write(text)
            return output.finish()
        }
        var read = 0
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while read < text.utf8.count {
            let count = Glibc.read(pipe.reading.descriptor, &buffer, buffer.count)
            try #require(count > 0)
            read += count
        }
        #expect(try await failure == nil)
    }

    @Test func remembersTheFirstFailureAndWritesNoMore() throws {
        var pipe: Pipe? = try Pipe()
        let writing = try #require(pipe).writing
        let output = StandardOutput(descriptor: writing.descriptor)
        output.print("arrives")
        #expect(output.finish() == nil)
        pipe = nil
        output.print("nobody reads this")
        output.print("nor this")
        #expect(output.finish()?.code == EPIPE)
    }

    @Test(arguments: [("/dev/full", ENOSPC), ("/dev/null", EBADF)])
    func saysWhyNothingArrived(_ path: String, _ code: Int32) throws {
        let file = try FileHandle(path: path, flags: code == EBADF ? O_RDONLY : O_WRONLY)
        let output = StandardOutput(descriptor: file.descriptor)
        #expect(output.finish() == nil)
        output.print("text")
        #expect(output.finish()?.code == code)
    }

    @Test func namesAnArgumentThatIsNotUTF8ByItsBytes() {
        #expect(MainProgram.foreignText("größe.caibx") == nil)
        let bytes: [CChar] = [97, -1, 10, 98, 0]
        #expect(
            bytes.withUnsafeBufferPointer { $0.baseAddress.flatMap { MainProgram.foreignText($0) } } == "a\\xff\\x0ab")
    }
}
