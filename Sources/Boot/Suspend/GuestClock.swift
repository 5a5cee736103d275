import Formats
import GuestDomain
import Linux

/// A guest's clock stands still while it is suspended, and its random numbers are those of anybody who goes on from the same memory. Both
/// are mended by ssh, as root: this host's time is sent when the guest is ready to take it, for a login may take seconds.
enum GuestClock {
    /// How a try ended.
    enum Outcome: Sendable, Equatable {
        case done
        /// Nobody could log in.
        case unanswered
        case failed
    }

    /// One try to log in.
    struct Attempt: Sendable, Equatable {
        /// Before it.
        var pause: Duration
        /// Seconds until the guest's ssh server has answered.
        var connecting: Int
        /// Until it is over.
        var patience: Duration
    }

    /// A guest answers a moment after it runs again, or, where it is slow, much later.
    static let attempts =
        [0, 200, 300, 500, 1000, 2000].map {
            Attempt(pause: .milliseconds($0), connecting: 3, patience: .seconds(20))
        }
        + [5, 10, 20, 30].map { Attempt(pause: .seconds($0), connecting: 10, patience: .seconds(60)) }

    private static let mark = "oscircular-ready"

    /// Reads the time, seconds since 1970, and random digits from its own input.
    private static let script = """
        echo \(mark)
        read -r now
        read -r seed
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        (echo "$seed" > /dev/urandom) 2> /dev/null
        # RNDRESEEDCRNG: else Linux takes it up within a minute.
        perl -e 'open(F, ">", "/dev/urandom") and ioctl(F, 0x5207, 0)' 2> /dev/null ||
            python3 -c 'import fcntl; fcntl.ioctl(open("/dev/urandom", "w"), 0x5207)' 2> /dev/null
        date -u -s "@$now" > /dev/null 2>&1 || date -u -f %s "$now" > /dev/null 2>&1
        [ "$(date +%s)" -ge "$now" ] || exit 1
        # Timers of the guest's own programs are its own matter.
        exit 0

        """

    /// Sets the clock once. Holds the calling thread.
    /// - Throws: ``SystemCallError`` where ssh cannot be started.
    static func set(in directory: SessionDirectory, _ attempt: Attempt) throws(SystemCallError) -> Outcome {
        let user = directory.systemUser
        let (input, output) = (try Pipe(), try Pipe())
        try output.reading.makeNonblocking()
        let child = try ChildProcess(
            "ssh",
            ["-o", "BatchMode=yes", "-o", "ConnectTimeout=\(attempt.connecting)"]
                + GuestSSH.arguments(to: directory, as: user, program: CurrentProcess.programPath)
                + [GuestSSH.rootShell(for: user)],
            environment: nil, standardInput: input.reading.descriptor,
            standardOutput: output.writing.descriptor, session: .own)
        defer { withExtendedLifetime((input, output)) {} }
        let end = MonotonicClock.nanoseconds + UInt64(attempt.patience / .nanoseconds(1))
        // One that has ended takes nothing, which its end says.
        try? script.withBytes { (bytes) throws(SystemCallError) in try input.writing.write(bytes) }
        // One that cannot be heard has not answered.
        if (try? awaits(mark, output.reading, child, until: end)) == true {
            let seed = (0..<8).map { _ in String(UInt64.random(in: 0 ... .max), radix: 16) }.joined()
            // As above.
            try? "\(WallClock.seconds)\n\(seed)\n".withBytes { (bytes) throws(SystemCallError) in
                try input.writing.write(bytes)
            }
            while MonotonicClock.nanoseconds < end {
                if let ending = child.reap() { return outcome(ending) }
                MonotonicClock.pause(milliseconds: 50)
            }
        }
        child.send(.kill)
        child.wait()
        return .unanswered
    }

    private static func outcome(_ ending: ChildProcess.Ending) -> Outcome {
        switch ending {
        case .exited(0): .done
        case .exited(255): .unanswered
        default: .failed
        }
    }

    /// Waits for a text of the child's.
    private static func awaits(
        _ text: String, _ output: FileHandle, _ child: ChildProcess, until end: UInt64
    ) throws(SystemCallError) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
        defer { buffer.deallocate() }
        var said: [UInt8] = []
        while MonotonicClock.nanoseconds < end, said.count < 65_536 {
            if case .bytes(let count) = try output.receive(into: buffer) {
                said += buffer[..<count]
                if String(decoding: said, as: UTF8.self).contains(text) { return true }
            }
            var sources = [PollSource(child.descriptor), PollSource(output.descriptor)]
            try PollSource.wait(for: &sources, milliseconds: 200)
            if sources[0].hasNews, !sources[1].isReadable { return false }
        }
        return false
    }
}
