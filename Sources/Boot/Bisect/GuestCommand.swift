import Linux
import Synchronization

/// A command in a guest, by ssh: what it says is handed on as it comes, and it ends with its time, or when somebody wants it to.
struct GuestCommand: Sendable {
    /// How it ended.
    enum End: Sendable, Equatable {
        /// ssh's own code.
        case exited(Int32)
        case outOfTime
        case stopped
    }

    let directory: SessionDirectory
    /// Made readable by who wants it to end.
    let stop: EventDescriptor
    /// True while the guest cannot be blamed for the time that passes: it waits for blocks.
    let isHeld: @Sendable () -> Bool

    /// Runs a script of sh(1) as the user that ssh logs in as. Holds the calling thread.
    /// - Parameters:
    ///   - input: what the script reads; nil for nothing.
    ///   - time: for which it may run.
    ///   - output: gets what it writes; returns true when enough was said, and the rest is not waited for.
    /// - Returns: how it ended, and the last words of ssh itself.
    /// - Throws: ``SystemCallError`` where ssh could not be started.
    func run(
        _ script: String, input: FileHandle? = nil, within time: Duration, output: (UnsafeRawBufferPointer) -> Bool
    ) throws(SystemCallError) -> (end: End, errors: String) {
        let (out, errors) = (try Pipe(), try Pipe())
        let streams = [out.reading, errors.reading]
        for stream in streams { try stream.makeNonblocking() }
        let arguments =
            // What is paused with the guest is no broken connection, so the server is not asked for signs of life.
            ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=8"]
            + GuestSSH.arguments(to: directory, as: directory.loginUser, program: CurrentProcess.programPath)
            + ["exec sh -c \(ShellQuote.quote(script))"]
        let child = try ChildProcess(
            "ssh", arguments, environment: nil, standardInput: input?.descriptor,
            standardOutput: out.writing.descriptor, standardError: errors.writing.descriptor, session: .own)
        var end = End.stopped
        var words: [UInt8] = []
        do throws(SystemCallError) {
            end = try follow(child, streams, within: time, output: output, errors: &words)
        } catch {
            child.send(.kill)
            child.wait()
            throw error
        }
        if case .exited = end {} else { child.send(.kill) }
        child.wait()
        return (end, String(decoding: words.suffix(1000), as: UTF8.self))
    }

    private func follow(
        _ child: ChildProcess, _ streams: [FileHandle], within time: Duration,
        output: (UnsafeRawBufferPointer) -> Bool, errors: inout [UInt8]
    ) throws(SystemCallError) -> End {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        var isOpen = [true, true]
        var isEnough = false
        func take(_ index: Int) throws(SystemCallError) -> Bool {
            guard case .bytes(let count) = try streams[index].receive(into: buffer) else { return false }
            if index == 0 {
                isEnough = output(UnsafeRawBufferPointer(rebasing: buffer[..<count])) || isEnough
            } else {
                errors += buffer[..<count]
                if errors.count > 4000 { errors.removeFirst(errors.count - 2000) }
            }
            return true
        }
        var left = UInt64(time / .milliseconds(1))
        var last = MonotonicClock.nanoseconds
        while true {
            var sources = [PollSource(child.descriptor), PollSource(stop.descriptor)]
            // A stream that the child has closed would end every wait at once.
            sources += streams.indices.map { PollSource(isOpen[$0] ? streams[$0].descriptor : nil) }
            try PollSource.wait(for: &sources, milliseconds: Int32(clamping: min(left, 500) + 1))
            let now = MonotonicClock.nanoseconds
            if !isHeld() { left -= min(left, (now - last) / 1_000_000) }
            last = now
            if sources[1].hasNews { return .stopped }
            for index in streams.indices where sources[index + 2].isReadable { isOpen[index] = try take(index) }
            if isEnough { return .exited(0) }
            if sources[0].hasNews {
                // What it wrote fits in its pipes; what it left behind may write for ever.
                for index in streams.indices {
                    for _ in 0..<64 { guard try take(index) else { break } }
                }
                return .exited(child.reap()?.shellStatus ?? 255)
            }
            if left == 0 { return .outOfTime }
        }
    }
}

/// What the guest's session says of itself, asked again and again while somebody works in the guest.
final class GuestWatch: Sendable {
    private struct Seen {
        var status: SessionStatus?
        var isHeld = false
        var heldSince: UInt64?
    }

    /// Seconds for which a guest may wait without a break before nobody waits for it any more.
    static let longestWait: UInt64 = 600

    private let seen = Mutex(Seen())

    var status: SessionStatus? { seen.withLock { $0.status } }
    /// Whether it waits for something that is not its own.
    var isHeld: Bool { seen.withLock { $0.isHeld } }
    /// Whether it has waited for too long.
    var isStuck: Bool {
        seen.withLock { seen in
            guard let since = seen.heldSince else { return false }
            return MonotonicClock.nanoseconds - since > GuestWatch.longestWait * 1_000_000_000
        }
    }

    /// Asks until the task is cancelled.
    func follow(_ id: String, _ registry: SessionRegistry) async {
        while !Task.isCancelled {
            await look(id, registry)
            // A wait that is cancelled ends the loop.
            try? await Task.sleep(for: .milliseconds(700))
        }
    }

    func look(_ id: String, _ registry: SessionRegistry) async {
        // One that does not answer may the next time; what was known stays.
        guard let status = try? await registry.send(.status, to: id).status else { return }
        seen.withLock { seen in
            seen.status = status
            seen.isHeld = status.state == .waiting || status.state == .paused
            seen.heldSince = seen.isHeld ? seen.heldSince ?? MonotonicClock.nanoseconds : nil
        }
    }
}
