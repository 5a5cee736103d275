import Linux
import Slirp
import TestSupport
import Testing

@testable import GuestNetwork

@Suite(.timeLimit(.minutes(1))) struct SlirpStackTests {
    /// A stack that looks after nothing soon, with a socket that listens: for this alone libslirp wants to be called twice a second.
    private static func makeStack(in folder: TemporaryDirectory) throws -> (SlirpStack, UnixListener) {
        let stack = try SlirpStack(
            SlirpConfiguration(
                network: VirtualNetwork.network, host: VirtualNetwork.router, firstLease: VirtualNetwork.guest,
                nameserver: VirtualNetwork.nameserver, restricted: true, guestName: "guest"),
            patience: 300_000_000, deliver: { _ in }, complain: { _ in })
        let listener = try UnixListener(path: folder.path("guest"))
        try stack.forwardHost(from: listener.descriptor, to: VirtualNetwork.guest, port: VirtualNetwork.sshPort)
        return (stack, listener)
    }

    /// How often it wakes up in so many milliseconds.
    private static func wakeUps(of stack: SlirpStack, in milliseconds: UInt64) throws -> Int {
        let end = MonotonicClock.nanoseconds + milliseconds * 1_000_000
        var (count, sources) = (0, [PollSource]())
        while true {
            let now = MonotonicClock.nanoseconds
            if now >= end { return count }
            try stack.wait(for: &sources, milliseconds: UInt32((end - now) / 1_000_000 + 1))
            count += 1
        }
    }

    @Test func aNetworkWhereNothingHappensSleeps() async throws {
        try await BlockingThread.run {
            let (stack, listener) = try Self.makeStack(in: TemporaryDirectory())
            _ = try Self.wakeUps(of: stack, in: 1500)
            let quiet = try Self.wakeUps(of: stack, in: 3000)
            #expect(quiet <= 2)
            // A frame, of whatever kind, and there may be something to look after.
            [UInt8](repeating: 0xFF, count: 60).withUnsafeBytes { stack.input($0) }
            let begun = MonotonicClock.nanoseconds
            var sources: [PollSource] = []
            try stack.wait(for: &sources, milliseconds: 10_000)
            #expect(MonotonicClock.nanoseconds - begun < 5_000_000_000)
            _ = listener
        }
    }

    @Test func whoComesIsHeardAtOnce() async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory()
            let (stack, listener) = try Self.makeStack(in: folder)
            _ = try Self.wakeUps(of: stack, in: 1500)
            let connection = try UnixListener.connect(to: listener.path)
            var sources: [PollSource] = []
            let begun = MonotonicClock.nanoseconds
            try stack.wait(for: &sources, milliseconds: 10_000)
            #expect(MonotonicClock.nanoseconds - begun < 1_000_000_000)
            // It is a connection now, whose guest does not answer.
            #expect(try Self.wakeUps(of: stack, in: 200) >= 1)
            _ = connection
        }
    }
}
