import Glibc
import Linux
import Seccomp
import Testing

@testable import GuestNetwork

struct FrameStreamTests {
    /// Both ends of a connection.
    func connection() throws -> (FrameStream, FileHandle) {
        var ends: [Int32] = [-1, -1]
        try systemCall("socketpair") { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) }
        return (FrameStream(handle: FileHandle(owning: ends[0])), FileHandle(owning: ends[1]))
    }

    private func encoded(_ count: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
            + [UInt8](repeating: UInt8(count & 0xFF), count: count)
    }

    private func send(_ bytes: [UInt8], to handle: FileHandle) throws {
        try systemCall("send") { Glibc.send(handle.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    @Test func readsFramesWhereverTheStreamIsTorn() throws {
        let stream = encoded(14) + encoded(60) + encoded(1514)
        for cut in stride(from: 0, through: stream.count, by: 7) {
            let (frames, qemu) = try connection()
            var lengths: [Int] = []
            for piece in [stream[..<cut], stream[cut...]] where !piece.isEmpty {
                try send(Array(piece), to: qemu)
                #expect(frames.read { lengths.append($0.count) })
            }
            #expect(lengths == [14, 60, 1514])
        }
    }

    /// The next process goes on with the same socket, and knows nothing of what this one had read.
    @Test func takesNothingButWholeFramesFromTheSocket() throws {
        let stream = encoded(60) + encoded(1514)
        for cut in [1, 3, 5, 63, 64, 65, 67, 70, 1000] {
            let (first, qemu) = try connection()
            try send(Array(stream[..<cut]), to: qemu)
            var lengths: [Int] = []
            #expect(first.read { lengths.append($0.count) })
            #expect(first.awaitsRest == lengths.isEmpty)
            let second = FrameStream(handle: FileHandle(owning: dup(first.descriptor)))
            try send(Array(stream[cut...]), to: qemu)
            #expect(second.read { lengths.append($0.count) })
            #expect(lengths == [60, 1514], "cut at \(cut)")
        }
    }

    @Test func sendsEachFrameWholeOrNotAtAll() throws {
        let (frames, qemu) = try connection()
        let frame = [UInt8](repeating: 7, count: 1514)
        for _ in 0..<2000 { frame.withUnsafeBytes { frames.write($0) } }
        #expect(frames.flush())
        #expect(frames.wantsToWrite, "the socket is full")
        // Whatever is in the socket now ends where a frame ends, and the next writer begins one.
        let second = FrameStream(handle: FileHandle(owning: dup(frames.descriptor)))
        var total = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        func drain() {
            while true {
                let count = recv(qemu.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count > 0 else { return }
                total += count
            }
        }
        drain()
        #expect(total > 0 && total % 1518 == 0)
        frame.withUnsafeBytes { second.write($0) }
        #expect(second.flush())
        #expect(frames.flush())
        drain()
        #expect(total % 1518 == 0)
    }

    @Test func dropsFramesForAGuestThatDoesNotRead() throws {
        let (frames, qemu) = try connection()
        let frame = [UInt8](repeating: 7, count: 1514)
        for _ in 0..<10_000 {
            frame.withUnsafeBytes { frames.write($0) }
            if !frames.wantsToWrite { Issue.record("nothing waits") }
        }
        #expect(frames.flush())
        withExtendedLifetime(qemu) {}
    }

    /// QEMU does not connect again, so that a connection must outlive the kernel's want of memory.
    @Test func keepsTheConnectionWhenTheKernelHasNoMemory() async throws {
        await #expect(processExitsWith: .success) {
            let (frames, qemu) = try FrameStreamTests().connection()
            // It counts for this process only, which ends with the test.
            var filter = SystemCallFilter(otherwise: .allow)
            filter.add(.refuse(.noBuffers), ["sendmmsg"])
            try filter.load()
            [UInt8](repeating: 7, count: 60).withUnsafeBytes { frames.write($0) }
            guard frames.flush(), frames.wantsToWrite, frames.mustBeTried else { exit(1) }
            withExtendedLifetime(qemu) {}
        }
    }

    @Test func endsTheConnectionWhenQEMUIsGone() throws {
        let frames = try connection().0
        [UInt8](repeating: 7, count: 60).withUnsafeBytes { frames.write($0) }
        #expect(!frames.flush() && !frames.mustBeTried)
    }

    /// A thousand wake-ups a second for a peer that sends half a frame would be too many.
    @Test func sleepsLongerEachTimeForTheRestOfAFrame() {
        var retry = StreamRetry()
        var now: UInt64 = 5_000_000_000
        var sleeps: [UInt32] = []
        for _ in 0..<9 {
            #expect(retry.isDue(at: now))
            retry.tried(isOver: false, at: now)
            sleeps.append(retry.sleep(at: now))
            // What wakes the process up meanwhile changes nothing.
            let early = now + 400_000
            #expect(!retry.isDue(at: early) && retry.sleep(at: early) == max(sleeps.last ?? 0, 1))
            now += UInt64(sleeps.last ?? 0) * 1_000_000
        }
        #expect(sleeps == [1, 2, 4, 8, 16, 32, 64, 100, 100])
        retry.tried(isOver: true, at: now)
        retry.tried(isOver: false, at: now)
        #expect(retry.sleep(at: now) == 1)
    }

    @Test func takesTheLargestFrame() throws {
        let bytes = encoded(65550)
        #expect(try bytes.withUnsafeBytes { try Frames.length(of: $0) } == bytes.count)
    }

    @Test(arguments: [0, 13, 65551, Int(UInt32.max)])
    func refusesLengthsThatNoFrameHas(length: Int) throws {
        let bytes = withUnsafeBytes(of: UInt32(length).bigEndian) { Array($0) }
        #expect(throws: Frames.LengthError(length: length)) {
            try bytes.withUnsafeBytes { try Frames.length(of: $0) }
        }
        let (frames, qemu) = try connection()
        try send(bytes, to: qemu)
        #expect(!frames.read { _ in Issue.record("a frame") })
    }
}
