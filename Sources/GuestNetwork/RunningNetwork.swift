import Linux

/// One process of the network, as the session sees it: as one that a guest may have taken over.
final class RunningNetwork {
    let began = MonotonicClock.nanoseconds
    /// It has confined itself and serves.
    private(set) var isReady = false
    /// It died, or broke off.
    var isOver = false
    private let child: ChildProcess
    private let patience: UInt64
    private var control: MessageSocket?
    private var errors: FileHandle?
    private var words: [UInt8] = []
    private var ending: ChildProcess.Ending?
    /// Since when it owes the answers to so many questions.
    private var owed: (count: Int, since: UInt64) = (0, 0)
    private var lastAsked: UInt64
    private var lastLook: UInt64 = 0
    /// Why the session ends it.
    private var fault: String?

    /// Bytes that are kept of what it says on standard error.
    private static let wordLimit = 4096
    /// While answers are owed, the session looks so often; who has not looked for longer than the second was stopped himself.
    private static let rests: (usual: UInt64, longest: UInt64) = (3_000_000_000, 5_000_000_000)

    init(
        _ configuration: GuestNetwork.Configuration, user: SandboxUser?, listener: Int32?
    ) throws(SystemCallError) {
        patience = configuration.patience
        let (own, others) = try MessageSocket.pair()
        let pipe = try Pipe()
        try pipe.reading.makeNonblocking()
        var arguments = ["run-network", "--network", configuration.mode.rawValue]
        arguments += ["--gateway", configuration.sshSocketPath]
        if let user { arguments += ["--user", "\(user.uid)", "--group", "\(user.gid)"] }
        var descriptors = [NetworkProcess.controlDescriptor: others.descriptor]
        if let listener {
            arguments.append("--guest-listener")
            descriptors[NetworkProcess.guestListenerDescriptor] = listener
        }
        child = try ChildProcess(
            configuration.program, arguments, standardError: pipe.writing.descriptor, otherDescriptors: descriptors,
            session: .own)
        control = own
        errors = pipe.reading
        lastAsked = began
    }

    var id: ProcessID { child.pid }
    var endDescriptor: Int32 { child.descriptor }
    var reportDescriptor: Int32? { control?.descriptor }
    var errorDescriptor: Int32? { errors?.descriptor }

    func tell(_ order: NetworkOrder, _ handle: FileHandle? = nil) {
        // One that reads no more has no room for more: it is of no use.
        if control?.send(order.bytes, descriptor: handle?.descriptor) != true { isOver = true }
    }

    /// Tells it what can wait.
    /// - Returns: false where it has no room for it now.
    func offer(_ order: NetworkOrder, _ handle: FileHandle?) -> Bool {
        control?.send(order.bytes, descriptor: handle?.descriptor) == true
    }

    /// Asks for its counts.
    func ask(at now: UInt64) {
        lastAsked = now
        // For want of memory it could not be sent: the next one will.
        guard control?.send(NetworkOrder.count.bytes) == true else { return }
        if owed.count == 0 { owed.since = now }
        owed.count += 1
    }

    /// Sees whether one that serves a guest still turns around: not often, for nobody is woken up without need.
    func checkPulse(at now: UInt64) {
        guard isReady else { return }
        // Who stood still itself, with the machine, say, has not waited.
        if now > lastLook + Self.rests.longest { owed.since = now }
        lastLook = now
        if owed.count > 0 {
            if now > owed.since + patience { give(up: "it did not answer in time") }
        } else if now >= lastAsked + patience {
            ask(at: now)
        }
    }

    /// When ``checkPulse(at:)`` is due again.
    var nextPulse: UInt64 { owed.count > 0 ? lastLook + Self.rests.usual : lastAsked + patience }

    /// What it has reported, a few messages at a time. What nobody asked for ends it: else one could keep us busy.
    func reports() -> [NetworkReport] {
        var reports: [NetworkReport] = []
        for _ in 0..<16 {
            switch control?.receive() ?? .end {
            case .nothingYet: return reports
            case .message(let bytes, _):
                if let report = NetworkReport(bytes), expects(report) {
                    reports.append(report)
                    continue
                }
                give(up: "it said what nobody had asked for")
            case .end: isOver = true
            }
            break
        }
        return reports
    }

    private func give(up reason: String) {
        isOver = true
        fault = reason
    }

    private func expects(_ report: NetworkReport) -> Bool {
        switch report {
        case .ready:
            guard !isReady else { return false }
            isReady = true
            owed.since = MonotonicClock.nanoseconds
            return true
        case .counts:
            guard owed.count > 0 else { return false }
            owed = (owed.count - 1, MonotonicClock.nanoseconds)
            return true
        }
    }

    func readErrors() {
        guard let errors else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        defer { buffer.deallocate() }
        do throws(SystemCallError) {
            switch try errors.receive(into: buffer) {
            case .bytes(let count):
                words += buffer[..<count]
                // Who says more speaks to nobody.
                if words.count >= Self.wordLimit { self.errors = nil }
            case .nothingYet: break
            case .end: self.errors = nil
            }
        } catch {
            self.errors = nil
        }
    }

    /// How it ended, and what it said before.
    var lastWords: String {
        let said = words.suffix(400).map { (0x20..<0x7F).contains($0) ? Character(Unicode.Scalar($0)) : " " }
        return [fault ?? ending.map { "\($0)" } ?? "it did not answer", String(said)].filter { !$0.isEmpty }.joined(
            separator: ": ")
    }

    /// Lets it end, kills it if it does not, and waits for its end.
    func end() {
        guard ending == nil else { return }
        control = nil
        var sources = [PollSource(child.descriptor)]
        // Without memory for the wait it is killed at once.
        _ = try? PollSource.wait(for: &sources, milliseconds: 1000)
        ending = child.reap()
        if ending == nil {
            child.send(.kill)
            ending = child.wait()
        }
        readErrors()
    }
}
