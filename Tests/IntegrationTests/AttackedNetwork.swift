import Glibc
import Linux
import Synchronization
import TestSupport

/// Two networks of their own: that of the session's host, with an address of every kind and a service on every port that matters, and what is
/// around it, with a server of the internet. Everything that comes to the host or leaves it is looked at.
final class AttackedNetwork: Sendable {
    /// Where the guest may go; only port 81 is kept for frames that must not arrive.
    static let internet = "9.9.9.9"
    /// The host's own, in either family, and what else is near it.
    static let hosts = [
        "10.0.2.2", "10.0.2.3", "10.0.2.254", "203.0.113.2", "10.99.0.1", "198.51.100.7", "169.254.7.7", "198.18.7.1",
        "203.0.113.1", "10.99.0.2", "192.168.77.1", "172.16.5.5", "100.64.1.1", "169.254.169.254", "255.255.255.255",
    ]
    /// What the guest's own kernel keeps to itself: only crafted frames go there.
    static let unroutable = ["127.0.0.1", "127.0.0.53", "0.0.0.0", "224.0.0.1"]
    static let hostsOfSix = ["fd99::1", "fd99::2", "fec0::2", "fe80::1"]

    /// For `nsenter --net=`.
    let host: String
    let services: Services
    let traffic: Traffic
    private let names: [String]

    init() async throws {
        let names = ["host", "around"].map { "oscircular-\(getpid())-\($0)" }
        self.names = names
        let host = "/run/netns/\(names[0])"
        self.host = host
        do {
            try Self.build(names)
            services = try await Self.inside(host) { try Services(datagramsOnly: []) }
            try await Self.inside("/run/netns/\(names[1])") {
                let addresses = [Self.internet] + Self.nameservers.filter { !$0.contains(":") && !$0.hasPrefix("127.") }
                let services = try Services(datagramsOnly: addresses)
                Self.around.withLock { $0 = services }
            }
            traffic = try await Self.inside(host) { try Traffic(nameservers: Self.nameservers) }
        } catch {
            Self.remove(names)
            throw error
        }
    }

    deinit {
        Self.around.withLock { $0 = nil }
        Self.remove(names)
    }

    /// The internet's services; only that they answer matters.
    private static let around = Mutex<Services?>(nil)

    static let nameservers: [String] = {
        // Without the file there is no resolver.
        let text = (try? FileContents.readText("/etc/resolv.conf", limit: 65_536)) ?? ""
        return text.split(separator: "\n").filter { $0.hasPrefix("nameserver") }.compactMap {
            $0.split(separator: " ").dropFirst().first.map(String.init)
        }
    }()

    private static func build(_ names: [String]) throws {
        let (host, around) = (names[0], names[1])
        try names.forEach { try ip("netns add \($0)") }
        try ip("link add out0 netns \(host) type veth peer name in0 netns \(around)")
        for name in names { try ip("-n \(name) link set lo up") }
        for address in ["203.0.113.2/24", "10.99.0.1/24", "169.254.7.7/16"] {
            try ip("-n \(host) addr add \(address) dev out0")
        }
        for address in ["203.0.113.1/24", "10.99.0.2/24"] { try ip("-n \(around) addr add \(address) dev in0") }
        try ip("-n \(host) -6 addr add fd99::1/64 dev out0 nodad")
        try ip("-n \(around) -6 addr add fd99::2/64 dev in0 nodad")
        try ip("-n \(host) addr add 198.51.100.7/32 dev lo")
        let servers = nameservers.filter { !$0.hasPrefix("127.") && !$0.contains(":") }
        for address in [internet, "169.254.169.254", "192.168.77.1", "172.16.5.5", "100.64.1.1"] + servers {
            try ip("-n \(around) addr add \(address)/32 dev lo")
        }
        try ip("-n \(host) link set out0 up")
        try ip("-n \(around) link set in0 up")
        try ip("-n \(host) route add default via 203.0.113.1")
        // A network that is this host's without being an address of an interface.
        try ip("-n \(host) route add local 198.18.7.0/24 dev lo")
    }

    private static func remove(_ names: [String]) {
        // They may not have been made.
        for name in names { _ = try? ChildProcess.run("/usr/sbin/ip", ["netns", "del", name]) }
    }

    private static func ip(_ words: String) throws {
        let finished = try ChildProcess.run("/usr/sbin/ip", words.split(separator: " ").map(String.init))
        guard finished.ending == .exited(0) else { throw Scenario.Failure("ip \(words): \(finished.text)") }
    }

    /// Runs a body on a thread in a namespace; sockets and threads that it makes stay there.
    private static func inside<Result: Sendable>(
        _ path: String, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await WorkerThread.run(name: "namespace") {
            typealias Call = @convention(c) (Int32, Int32) -> Int32
            guard let setns = dlsym(nil, "setns").map({ unsafeBitCast($0, to: Call.self) }) else {
                throw SystemCallError(code: ENOSYS, call: "setns")
            }
            let file = try FileHandle(path, for: .reading)
            try systemCall("setns") { setns(file.descriptor, 0x4000_0000 /* CLONE_NEWNET */) }
            return try body()
        }
    }
}

/// Services on many ports, which answer, and remember who asked.
final class Services: Sendable {
    private static let ports: [UInt16] = [
        21, 22, 53, 67, 69, 80, 111, 139, 445, 631, 2049, 3306, 5900, 6379, 8080, 16509,
    ]
    private let asked = Mutex<[String]>([])
    private let stop: EventDescriptor

    /// For the namespace of the calling thread.
    /// - Parameter addresses: IPv4; answers to datagrams come from these. Without any, from where the kernel likes.
    init(datagramsOnly addresses: [String]) throws {
        stop = try EventDescriptor()
        var sockets: [(handle: FileHandle, isStream: Bool, name: String)] = []
        for port in Self.ports {
            for isSix in [false, true] {
                for isStream in [false, true] {
                    for address in isSix || isStream || addresses.isEmpty ? ["0.0.0.0"] : addresses {
                        let handle = try Self.socket(isSix: isSix, isStream: isStream, address, port)
                        sockets.append((handle, isStream, "\(isStream ? "tcp" : "udp") \(port)"))
                    }
                }
            }
        }
        try WorkerThread.start(name: "services") { [weak self, stop, sockets] in
            while true {
                var sources = sockets.map { PollSource($0.handle.descriptor) } + [PollSource(stop.descriptor)]
                // Who sees nothing any more has ended, and the test's controls fail.
                guard (try? PollSource.wait(for: &sources)) != nil, sources.last?.hasNews == false else { return }
                for (socket, source) in zip(sockets, sources) where source.hasNews {
                    self?.asked.withLock { $0.append(socket.name) }
                    Self.answer(socket.handle.descriptor, socket.isStream)
                }
            }
        }
    }

    deinit { stop.signal() }

    var all: [String] { asked.withLock { $0 } }

    private static func answer(_ descriptor: Int32, _ isStream: Bool) {
        var buffer = [UInt8](repeating: 0, count: 2048)
        if isStream {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { return }
            // Who is reset has nothing to read.
            var patience = timeval(tv_sec: 1, tv_usec: 0)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            _ = recv(connection, &buffer, buffer.count, 0)
            _ = send(connection, "hello\n", 6, Int32(MSG_NOSIGNAL))
            close(connection)
        } else {
            var from = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutablePointer(to: &from) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { from in
                    let count = recvfrom(descriptor, &buffer, buffer.count, 0, from, &length)
                    if count > 0 { _ = sendto(descriptor, buffer, count, Int32(MSG_NOSIGNAL), from, length) }
                }
            }
        }
    }

    private static func socket(isSix: Bool, isStream: Bool, _ text: String, _ port: UInt16) throws -> FileHandle {
        let kind = Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let handle = FileHandle(
            owning: try systemCall("socket") { Glibc.socket(isSix ? AF_INET6 : AF_INET, kind, 0) })
        var one: Int32 = 1
        if isSix {
            setsockopt(handle.descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4)
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            try bind(handle, &address)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            inet_pton(AF_INET, text, &address.sin_addr)
            address.sin_port = port.bigEndian
            try bind(handle, &address)
        }
        if isStream { try systemCall("listen") { listen(handle.descriptor, 50) } }
        return handle
    }

    private static func bind<Address>(_ handle: FileHandle, _ address: inout Address) throws {
        try withUnsafeBytes(of: &address) { bytes in
            let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            _ = try systemCall("bind") { Glibc.bind(handle.descriptor, pointer, socklen_t(bytes.count)) }
        }
    }
}

/// Everything that comes to a namespace, leaves it, or goes over its loopback.
final class Traffic: Sendable {
    private let nameservers: [String]
    private let state = Mutex<(wrong: Set<String>, controls: Int, isWatched: Bool)>(([], 0, false))
    private let stop: EventDescriptor

    init(nameservers: [String]) throws {
        self.nameservers = nameservers
        stop = try EventDescriptor()
        // AF_PACKET, all protocols, all interfaces.
        let handle = FileHandle(
            owning: try systemCall("socket") {
                socket(17, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Int32(UInt16(0x0003).bigEndian))
            })
        var size: Int32 = 32 << 20
        setsockopt(handle.descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        try WorkerThread.start(name: "traffic") { [weak self, stop] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                var sources = [PollSource(handle.descriptor), PollSource(stop.descriptor)]
                // As above.
                guard (try? PollSource.wait(for: &sources)) != nil, !sources[1].hasNews else { return }
                let count = recv(handle.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                if count > 14 { self?.see(buffer[..<count]) }
            }
        }
    }

    deinit { stop.signal() }

    /// What should not have been there since ``watch()``.
    var wrong: [String] { state.withLock { $0.wrong.sorted() } }
    /// Packets that were to arrive.
    var controls: Int { state.withLock { $0.controls } }

    func watch() { state.withLock { $0 = ([], 0, true) } }

    private func see(_ frame: ArraySlice<UInt8>) {
        guard state.withLock({ $0.isWatched }) else { return }
        let isAttack = frame.contains("osc-attack".utf8)
        guard let fault = isAttack ? "crafted: \(Self.text(frame))" : fault(in: Array(frame)) else {
            if frame.contains("osc-control".utf8) { state.withLock { $0.controls += 1 } }
            return
        }
        state.withLock { if $0.wrong.count < 100 { $0.wrong.insert(fault) } }
    }

    private func fault(in frame: [UInt8]) -> String? {
        switch (frame[12], frame[13]) {
        case (0x08, 0x06): return nil
        case (0x86, 0xDD) where frame.count > 54:
            // The namespaces' own: neighbours and groups.
            let isOwn = frame[20] == 0 || frame[20] == 58 && (130...143).contains(frame[54])
            return isOwn ? nil : Self.text(frame[...])
        case (0x08, 0x00) where frame.count >= 38:
            let ends = [26, 30].map { frame[$0..<$0 + 4].map(String.init).joined(separator: ".") }
            let ports = [34, 36].map { Int(frame[$0]) << 8 | Int(frame[$0 + 1]) }
            let carries = frame[23] == 6 || frame[23] == 17
            if ends.contains(AttackedNetwork.internet) {
                // A port that is closed by the time that the answer comes.
                if carries && !ports.contains(81) || frame[23] == 1 && frame[34] == 3 { return nil }
            } else if carries, ports.contains(53), !Set(ends).isDisjoint(with: nameservers) {
                return nil
            }
            return "\(ends[0]):\(ports[0]) to \(ends[1]):\(ports[1]), protocol \(frame[23])"
        default: return Self.text(frame[...])
        }
    }

    private static func text(_ frame: ArraySlice<UInt8>) -> String {
        frame.prefix(80).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

extension ArraySlice<UInt8> {
    fileprivate func contains(_ text: String.UTF8View) -> Bool { firstRange(of: Array(text)) != nil }
}
