import Linux
import TestSupport
import Testing

@testable import GuestNetwork

/// The requests that come over the socket which sshd asks. That the signatures are right, each login with ssh shows.
struct GatewayHostKeyTests {
    private let key = GatewayHostKey()

    private func text(_ bytes: [UInt8]) -> [UInt8] { number(bytes.count) + bytes }

    private func number(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(value).bigEndian) { Array($0) } }

    private func blob(_ key: GatewayHostKey) throws -> [UInt8] {
        let encoded = try #require(key.publicKey.split(separator: " ").last)
        let decoded = try ChildProcess.run("/bin/sh", ["-c", "printf %s \(encoded) | base64 -d"])
        return decoded.output
    }

    private func request(_ type: UInt8, _ body: [UInt8]) -> [UInt8] { text([type] + body) }

    private func answer(_ request: [UInt8]) throws -> [UInt8]? {
        var received = request
        return try key.answer(&received)
    }

    @Test func signsWithItsOwnKeyOnly() throws {
        let own = try blob(key)
        #expect(own.count == 51)
        let answer = try #require(try answer(request(13, text(own) + text([1, 2, 3]) + number(0))))
        // Length, 14, and a signature of two strings: the key's kind and 64 bytes.
        #expect(answer.count == 4 + 1 + 4 + 15 + 68)
        #expect(answer[4] == 14)
        let failure: [UInt8] = [0, 0, 0, 1, 5]
        #expect(try self.answer(request(13, text(try blob(GatewayHostKey())) + text([1]) + number(0))) == failure)
        // Flags, which mean nothing for this kind of key; too little; too much; other requests: list, add, remove, lock, load a library.
        #expect(try self.answer(request(13, text(own) + text([1]) + number(2))) == failure)
        #expect(try self.answer(request(13, text(own) + text([1]))) == failure)
        #expect(try self.answer(request(13, text(own) + text([1]) + number(0) + [0])) == failure)
        #expect(try self.answer(request(13, text(own) + number(400) + [1])) == failure)
        #expect(try self.answer(request(13, number(Int(UInt32.max)) + own)) == failure)
        for type: UInt8 in [1, 11, 17, 18, 19, 20, 22, 25, 26, 27] {
            #expect(try self.answer(request(type, [])) == failure)
        }
    }

    @Test func waitsForTheRestOfARequestAndRefusesEndlessOnes() throws {
        let whole = request(13, text(try blob(key)) + text([1]) + number(0))
        for count in 0..<whole.count { #expect(try answer(Array(whole[..<count])) == nil) }
        var two = whole + whole
        #expect(try key.answer(&two)?.count == 92)
        #expect(two == whole)
        for length in [0, GatewayHostKey.longestRequest + 1, Int(UInt32.max)] {
            let error = #expect(throws: SystemCallError.self) { try answer(number(length)) }
            #expect(error?.number == .messageTooLong)
        }
    }
}

struct FolderSizeTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory(in: "/tmp") }

    private func isLarger(than limit: UInt64) -> Bool { FolderSize.isLarger(folder.path, than: limit) }

    @Test func whatIsOnTheDiskCountsAndNotWhatLinksLeadTo() throws {
        #expect(!isLarger(than: 0))
        try folder.write([UInt8](repeating: 1, count: 100_000), to: "file")
        #expect(isLarger(than: 99_000) && !isLarger(than: 110_000))
        // A hole is nothing; each name is something.
        let finished = try ChildProcess.run(
            "/bin/sh",
            [
                "-c",
                "cd \(folder.path); truncate -s 1G hole; ln -s /usr usr; mkdir -p a/b; for i in 1 2 3; do : > a/b/$i; done",
            ])
        #expect(finished.ending == .exited(0))
        #expect(isLarger(than: 110_000) && !isLarger(than: 140_000))
    }

    @Test func aFolderTooDeepToCountIsTooLarge() throws {
        var path = folder.path
        for _ in 0..<FolderSize.deepest { path += "/d" }
        try Folder.make(path)
        #expect(!isLarger(than: 1 << 30))
        try Folder.make(path + "/d")
        #expect(isLarger(than: 1 << 30))
    }
}

struct SSHLogTests {
    private let folder: TemporaryDirectory
    private let log: SSHLog
    private let path: String

    init() throws {
        folder = try TemporaryDirectory(in: "/tmp")
        path = folder.path("log")
        log = SSHLog(path: path, pipe: try SSHLog.pipe(to: path))
    }

    private func write(_ bytes: [UInt8]) throws {
        try bytes.withBytes { (bytes) throws(SystemCallError) in try log.writing.write(bytes) }
    }

    @Test func copiesWithoutControlCharacters() throws {
        try write(Array("\u{1B}]0;title\u{7}\u{9B}31m plain\r\n".utf8) + [0, 0x7F, 0xFF])
        log.copy()
        log.note("noted")
        #expect(try FileContents.readText(path, limit: 1000) == "?]0;title???31m plain\n???oscircular: noted\n")
    }

    @Test func copiesNoFasterThanItsRate() throws {
        try write([UInt8](repeating: UInt8(ascii: "x"), count: 65_536))
        let start = MonotonicClock.nanoseconds
        log.copy()
        #expect(log.descriptor == nil)
        let resumes = try #require(log.resumes)
        #expect(resumes - start >= 16_384 * 1_000_000_000 / UInt64(SSHLog.rate))
        #expect(try Paths.status(path)?.size == 16_384)
        #expect(eventuallyBlocking { log.descriptor != nil })
        log.copy()
        #expect(try Paths.status(path)?.size == 32_768)
    }

    @Test func beginsAnewBeyondItsLimit() throws {
        try AtomicFile.write([UInt8](repeating: 0x78, count: SSHLog.limit + 1), to: path)
        log.note("after")
        #expect(try FileContents.readText(path, limit: 100) == "oscircular: after\n")
    }
}
