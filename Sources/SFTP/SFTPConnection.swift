import Linux

/// A conversation with an sftp server that may be anybody's: every wait and every message has a bound. One thread.
package final class SFTPConnection {
    private let reading: FileHandle
    private let writing: FileHandle
    private let cancel: EventDescriptor?
    /// Seconds for which nothing need be heard.
    private let patience: Int
    private var input: [UInt8] = []
    /// So many of them belong to messages that were taken.
    private var taken = 0
    private var lastNumber: UInt32 = 0
    private var hasEnded = false
    /// While what was begun is taken back, for which no interruption is heeded: when that must be done (``MonotonicClock``).
    private var cleaningEnd: UInt64?
    private var isCleaning: Bool { cleaningEnd != nil }
    /// Names of extensions that the server has.
    private(set) var extensions: Set<String> = []

    /// Bytes that are read ahead while a request is sent.
    private static let inputLimit = 4 << 20

    /// - Parameters:
    ///   - reading: what the server writes.
    ///   - writing: what the server reads.
    ///   - cancel: signalled when the user has had enough.
    /// - Throws: ``SFTPError``.
    package init(
        reading: FileHandle, writing: FileHandle, cancel: EventDescriptor? = nil, patience: Int = 60
    ) throws(SFTPError) {
        (self.reading, self.writing, self.cancel, self.patience) = (reading, writing, cancel, patience)
        do throws(SystemCallError) {
            try reading.makeNonblocking()
            try writing.makeNonblocking()
        } catch {
            throw .system(error)
        }
        var body = SFTPWriter()
        body.add(UInt32(3))
        try write(SFTPMessage.Kind.initialize, body.bytes)
        var (kind, answer) = try message()
        guard kind == SFTPMessage.Kind.version.rawValue, try answer.number() >= 3 else {
            throw .malformed("it does not speak version 3")
        }
        while !answer.isAtEnd {
            let name = try answer.text()
            _ = try answer.text()
            extensions.insert(String(decoding: name, as: UTF8.self))
        }
    }

    /// Takes back what was begun: does not take long, whatever the server says meanwhile, and heeds no interruption.
    func whileCleaning(_ body: () throws(SFTPError) -> Void) throws(SFTPError) {
        guard !hasEnded else { throw .ended }
        cleaningEnd = MonotonicClock.nanoseconds + UInt64(cleaningSeconds) * 1_000_000_000
        defer { cleaningEnd = nil }
        try body()
    }

    /// Seconds for all of it.
    private var cleaningSeconds: Int { min(3, patience) }

    /// Whether there is time to go on.
    /// - Throws: ``SFTPError/silent(_:)``.
    private func checkTime() throws(SFTPError) {
        guard let cleaningEnd, MonotonicClock.nanoseconds >= cleaningEnd else { return }
        hasEnded = true
        throw .silent(cleaningSeconds)
    }

    // MARK: Requests

    /// Sends a request.
    /// - Returns: its number, which the answer bears.
    func send(_ kind: SFTPMessage.Kind, _ fill: (inout SFTPWriter) -> Void) throws(SFTPError) -> UInt32 {
        lastNumber &+= 1
        var body = SFTPWriter()
        body.add(lastNumber)
        fill(&body)
        try write(kind, body.bytes)
        return lastNumber
    }

    /// The next answer, whosever it is.
    func answer() throws(SFTPError) -> SFTPAnswer {
        var (kind, rest) = try message()
        let number = try rest.number()
        guard let kind = SFTPMessage.Kind(rawValue: kind) else { throw .malformed("an answer of an unknown kind") }
        return SFTPAnswer(kind: kind, number: number, body: rest)
    }

    /// Sends a request and waits for its answer: for when nothing else is under way.
    func ask(_ kind: SFTPMessage.Kind, _ fill: (inout SFTPWriter) -> Void) throws(SFTPError) -> SFTPAnswer {
        let number = try send(kind, fill)
        while true {
            try checkTime()
            let answer = try answer()
            if answer.number == number { return answer }
            // Of what was under way before, if it was broken off.
            guard isCleaning else { throw .malformed("an answer to what nobody asked") }
        }
    }

    // MARK: Bytes

    private func write(_ kind: SFTPMessage.Kind, _ body: [UInt8]) throws(SFTPError) {
        var head = SFTPWriter()
        head.add(UInt32(body.count + 1))
        let bytes = head.bytes + [kind.rawValue] + body
        var sent = 0
        while sent < bytes.count {
            // A server that waits until its answers are read must not wait for ever.
            // Nor must a message break off in its middle: what follows could not be told from it.
            let found = try wait(toWrite: true, isInterruptible: sent == 0)
            if found.isReadable { try read() }
            guard found.isWritable else { continue }
            do throws(SystemCallError) {
                let count = try bytes.withUnsafeBufferPointer { bytes throws(SystemCallError) in
                    try writing.writeNow(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[sent...])))
                }
                sent += count
            } catch {
                hasEnded = true
                throw error.number == .brokenPipe ? SFTPError.ended : SFTPError.system(error)
            }
        }
    }

    /// The next message's kind, and what follows it.
    private func message() throws(SFTPError) -> (UInt8, SFTPReader) {
        while true {
            if input.count - taken >= 4 {
                let length = input[taken..<taken + 4].reduce(0) { $0 << 8 | Int($1) }
                guard SFTPMessage.lengths.contains(length) else {
                    hasEnded = true
                    throw .malformed("a message of \(length) bytes")
                }
                if input.count - taken >= 4 + length {
                    defer { take(4 + length) }
                    return (input[taken + 4], SFTPReader(input[taken + 5..<taken + 4 + length]))
                }
            }
            if hasEnded { throw .ended }
            if try wait(toWrite: false).isReadable { try read() }
        }
    }

    private func take(_ count: Int) {
        taken += count
        guard taken == input.count || taken > 1 << 20 else { return }
        input.removeFirst(taken)
        taken = 0
    }

    private func wait(
        toWrite: Bool, isInterruptible: Bool = true
    ) throws(SFTPError) -> (isReadable: Bool, isWritable: Bool) {
        try checkTime()
        // What has been read already may be all that there is.
        let canRead = !hasEnded && input.count - taken < Self.inputLimit
        var sources = [
            PollSource(isCleaning || !isInterruptible ? nil : cancel?.descriptor),
            PollSource(canRead ? reading.descriptor : nil),
            PollSource(toWrite ? writing.descriptor : nil, .writable),
        ]
        let seconds = isCleaning ? cleaningSeconds : patience
        let rest = cleaningEnd.map { $0 - min($0, MonotonicClock.nanoseconds) }
        let milliseconds = rest.map { Int32(clamping: $0 / 1_000_000 + 1) } ?? Int32(seconds) * 1000
        do throws(SystemCallError) {
            guard try PollSource.wait(for: &sources, milliseconds: milliseconds) else {
                throw SystemCallError(.timedOut, call: "poll")
            }
        } catch {
            hasEnded = true
            throw error.number == .timedOut ? SFTPError.silent(seconds) : SFTPError.system(error)
        }
        if sources[0].hasNews { throw .interrupted }
        return (sources[1].hasNews, sources[2].hasNews)
    }

    private func read() throws(SFTPError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        do throws(SystemCallError) {
            switch try reading.receive(into: buffer) {
            case .bytes(let count): input += buffer[..<count]
            case .nothingYet: break
            case .end: hasEnded = true
            }
        } catch {
            hasEnded = true
            throw .system(error)
        }
    }
}

/// The server's answer to one request.
struct SFTPAnswer {
    let kind: SFTPMessage.Kind
    let number: UInt32
    private(set) var body: SFTPReader

    init(kind: SFTPMessage.Kind, number: UInt32, body: SFTPReader) {
        (self.kind, self.number, self.body) = (kind, number, body)
    }

    /// What follows, if the answer is of this kind.
    /// - Parameter what: was asked, for the error.
    /// - Throws: ``SFTPError/refused(what:_:)`` with the server's own reason.
    func expecting(_ wanted: SFTPMessage.Kind, _ what: @autoclosure () -> String) throws(SFTPError) -> SFTPReader {
        if kind == wanted, kind != .answer { return body }
        guard kind == .answer else { throw .malformed("an answer of the wrong kind") }
        var rest = body
        let code = try rest.number()
        if code == 0 {
            guard wanted == .answer else { throw .malformed("an answer of the wrong kind") }
            return rest
        }
        throw .refused(what: what(), SFTPError.Answer(rawValue: code) ?? .failure)
    }
}
