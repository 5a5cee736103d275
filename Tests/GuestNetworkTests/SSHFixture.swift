import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

/// A gateway in a temporary folder and the real ssh client before it.
final class SSHFixture: Sendable {
    let folder: TemporaryDirectory
    let keys: SessionKeys
    let gateway: SSHGateway
    let socket: String
    let exchange: String
    /// Whom the network's process runs as, which connects to the gateway.
    let client: SandboxUser?
    /// Nobody's else: what the kernel counts for users must be this fixture's alone.
    private static let numbers = Atomic<UInt32>(61_184)
    fileprivate let relay: TCPListener
    private let stop: EventDescriptor

    init(
        shared: [SharedPath] = [], limit: Int = 16, waiting: Int = 32, exchangeLimit: UInt64 = 16 << 30,
        folderMode: mode_t = 0o700, bounds: SessionBounds = SessionBounds()
    ) throws {
        folder = try TemporaryDirectory(in: "/tmp", mode: folderMode)
        socket = folder.path + "/ssh"
        exchange = folder.path + "/exchange"
        keys = try SessionKeys.make(in: folder.path + "/keys")
        try AtomicFile.write("10.0.2.2 \(keys.gatewayHost.publicKey)\n", to: folder.path + "/known", mode: 0o600)
        client = CurrentUser.isRoot ? try SandboxUser.current() : nil
        let user = CurrentUser.isRoot ? SandboxUser(number: Self.numbers.add(1, ordering: .relaxed).oldValue) : nil
        gateway = try SSHGateway(
            .init(
                socketPath: socket, directory: folder.path + "/sandbox", exchangeDirectory: exchange,
                exchangeLimit: exchangeLimit, shared: shared, logPath: folder.path + "/log", connectionLimit: limit,
                waitingLimit: waiting, bounds: bounds, client: client?.uid, user: user), keys: keys)
        // The client has no unix sockets of its own, and no other program for that is sure to be there.
        relay = try TCPListener()
        stop = try EventDescriptor()
        relay.relay(to: socket, until: stop)
    }

    deinit {
        stop.signal()
        gateway.close()
    }

    /// What the guest sees in the exchange folder.
    var names: [String] {
        (try? HostProgram.run("/bin/ls", [exchange]).1.split(separator: "\n").map(String.init)) ?? []
    }

    /// What the ssh servers and the gateway have said.
    var log: String { (try? FileContents.readText(folder.path + "/log", limit: 1 << 22)) ?? "" }

    /// Runs ssh; gives standard output and error together.
    func ssh(
        _ user: String, _ command: String? = nil, key: String? = nil, options: [String] = [], expecting code: Int32 = 0,
        at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        var arguments = ["-p", "\(relay.port)"] + connecting(key: key) + options + ["\(user)@127.0.0.1"]
        if let command { arguments.append(command) }
        let (ending, output) = try HostProgram.run("/usr/bin/ssh", arguments)
        #expect(ending == .exited(code), "\(output) \(log)", sourceLocation: location)
        return output
    }
}

extension SSHFixture {
    /// The guest's port 22 for programs that start ssh themselves.
    var port: UInt16 { relay.port }

    /// Options of ssh and scp.
    func connecting(key: String? = nil) -> [String] {
        var arguments = ["-F", "none", "-i", key ?? keys.guestIdentity.privateKeyPath]
        for option in [
            "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=\(folder.path)/known", "GlobalKnownHostsFile=/dev/null", "HostKeyAlias=10.0.2.2",
            "LogLevel=ERROR",
        ] { arguments += ["-o", option] }
        return arguments
    }
}

/// Collects what several blocking calls on threads of their own give.
final class TestResults: Sendable {
    private let values = Mutex<[String]>([])
    private let started = Mutex<Int>(0)

    func start(_ body: @escaping @Sendable () throws -> String) {
        started.withLock { $0 += 1 }
        try? WorkerThread.start(name: "client") {
            let value: String
            do { value = try body() } catch { value = "\(error)" }
            self.values.withLock { $0.append(value) }
        }
    }

    /// All of them, sorted; those that came within 30 seconds.
    func wait() -> [String] {
        for _ in 0..<600 where values.withLock({ $0.count }) < started.withLock({ $0 }) { poll(nil, 0, 50) }
        return values.withLock { $0.sorted() }
    }
}

/// The processes of this machine.
enum ProcessList {
    /// Their arguments, each followed by a zero byte.
    static func commandLines(containing text: String) -> [String] {
        Folder.namesIfAny(in: "/proc").filter { Int($0) != nil }.compactMap { name in
            guard let line = try? FileContents.readText("/proc/\(name)/cmdline", limit: 16_384) else { return nil }
            // The test's ssh client carries the same words in one argument.
            return line.contains(text) && !line.contains("BatchMode") ? line : nil
        }
    }
}
