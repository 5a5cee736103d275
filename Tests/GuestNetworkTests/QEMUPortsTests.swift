import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

private let qemu = "/usr/bin/qemu-system-x86_64"

/// Published ports with a real kernel in the guest: bytes come as they went, in both directions.
@Suite(.enabled(if: access(qemu, X_OK) == 0, "SKIPPED: needs qemu-system-x86"), .timeLimit(.minutes(4)))
struct QEMUPortsTests {
    private static let script = """
        mkdir /tmp/www
        dd if=/dev/urandom of=/tmp/www/data bs=64k count=48 2> /dev/null
        md5sum < /tmp/www/data > /tmp/www/sum
        cp /sys/firmware/qemu_fw_cfg/by_name/opt/oscircular/echo/raw /tmp/echo && chmod 755 /tmp/echo && /tmp/echo &
        (while true; do nc -l -p 81 > /tmp/came; md5sum < /tmp/came > /tmp/www/came; done) &
        busybox httpd -p 80 -h /tmp/www
        echo SERVING
        while true; do sleep 60; done
        """

    private static func free(_ kind: InternetSocket.Kind = .stream) throws -> UInt16 {
        try #require(try InternetSocket.bound(to: .loopback(0), kind).localPort)
    }

    /// Sends bytes to the end, and reads what comes back to its end.
    private static func exchange(_ port: UInt16, _ bytes: [UInt8]) throws -> [UInt8] {
        let handle = try LoopbackPort.connect(port)
        var sent = 0
        while sent < bytes.count {
            let count = try bytes.withUnsafeBytes { try handle.send(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            guard count > 0 else { throw SystemCallError(.timedOut, call: "send") }
            sent += count
        }
        handle.endSending()
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case .bytes(let count) = try buffer.withUnsafeMutableBytes({ try handle.receive(into: $0) }) {
            answer += buffer[..<count]
        }
        return answer
    }

    /// What a web server says behind its header, as a file.
    private static func get(_ port: UInt16, _ name: String, to file: String) throws -> Bool {
        // Nobody may be there yet.
        guard let answer = try? exchange(port, Array("GET /\(name) HTTP/1.0\r\n\r\n".utf8)),
            let end = answer.indices.dropLast(3).first(where: { answer[$0..<$0 + 4].elementsEqual("\r\n\r\n".utf8) }),
            answer.starts(with: "HTTP/1.0 200".utf8) || answer.starts(with: "HTTP/1.1 200".utf8)
        else { return false }
        try AtomicFile.write(Array(answer[(end + 4)...]), to: file)
        return true
    }

    private static func sum(_ file: String) throws -> String {
        try ChildProcess.run("/bin/sh", ["-c", "md5sum < \"$0\"", file], within: .seconds(20)).text
    }

    @Test(.enabled(if: BuiltProgram.isInstalled("cc"), "SKIPPED: needs a C compiler"))
    func bytesComeAsTheyWentAlsoAfterTheProcessHasDied() async throws {
        let disk = try await TinyGuest.image()
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp", mode: 0o711)
            let source = try folder.write(Array(DatagramEcho.source.utf8), to: "echo.c")
            let echo = folder.path("echo")
            #expect(try ChildProcess.run("cc", ["-static", "-o", echo, source]).ending == .exited(0))
            let script = try folder.write(Array(Self.script.utf8), to: "script")
            let gateway = try UnixListener(path: folder.path + "/ssh", owner: TestUser.network?.uid)
            var configuration = GuestNetwork.Configuration.testing(
                mode: .none, socketPath: folder.path + "/net", sshSocketPath: gateway.path)
            let record = Record()
            configuration.willRun = { record.add($0) }
            let network = try GuestNetwork(configuration)
            let (web, inbox, names) = (try Self.free(), try Self.free(), try Self.free(.datagram))
            try network.publish(BoundPort.all([try PublishedPort("\(web):80")]))
            let console = folder.path("console")
            let machine = try ChildProcess(
                qemu,
                [
                    "-nodefaults", "-accel", "tcg", "-m", "256", "-display", "none", "-serial", "file:\(console)",
                    "-drive", "file=\(disk),format=raw,if=virtio,snapshot=on",
                    "-fw_cfg", "name=opt/oscircular/cmd,file=\(script)", "-fw_cfg",
                    "name=opt/oscircular/echo,file=\(echo)", "-netdev",
                    "stream,id=osc,server=off,addr.type=unix,addr.path=\(folder.path)/net", "-device",
                    "virtio-net-pci,netdev=osc,romfile=",
                ])
            defer {
                machine.signal(SIGKILL)
                machine.wait()
                network.close()
            }
            let isServing = eventuallyBlocking(within: 120) {
                (try? FileContents.readText(console, limit: 1 << 20))?.contains("SERVING") == true
            }
            #expect(isServing, "\((try? FileContents.readText(console, limit: 1 << 20)) ?? "")")
            // On the guest that runs.
            try network.publish(
                BoundPort.all([try PublishedPort("\(names):53/udp"), try PublishedPort("\(inbox):81")]))
            for round in 0..<2 {
                #expect(try eventuallyBlocking(within: 40) { try Self.get(web, "sum", to: folder.path("sum")) })
                #expect(try Self.get(web, "data", to: folder.path("data\(round)")))
                #expect(
                    try Self.sum(folder.path("data\(round)")) + "\n"
                        == String(decoding: folder.bytes("sum"), as: UTF8.self))
                try Self.expectAnswer(at: names)
                if round == 0 {
                    let before = record.all
                    if let process = before.last { kill(process, SIGKILL) }
                    #expect(eventuallyBlocking { record.all.count > before.count })
                }
            }
            // The other direction.
            _ = try Self.exchange(inbox, try folder.bytes("data0"))
            let own = try Self.sum(folder.path("data0")) + "\n"
            let hasCome = try eventuallyBlocking(within: 20) {
                try Self.get(web, "came", to: folder.path("came"))
                    && String(decoding: folder.bytes("came"), as: UTF8.self) == own
            }
            #expect(hasCome)
        }
    }

    private static func expectAnswer(at port: UInt16) throws {
        let socket = try InternetSocket.bound(to: .loopback(0), .datagram)
        let answer = try eventuallyBlocking(within: 20) {
            Array("hello".utf8).withUnsafeBytes { socket.sendDatagram($0, to: DatagramPeer(.loopback(port))) }
            var sources = [PollSource(socket.descriptor)]
            guard try PollSource.wait(for: &sources, milliseconds: 1000) else { return false }
            return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
                socket.receiveDatagram(into: buffer).map { Array(buffer[..<$0.count]) } == Array("heard hello".utf8)
            }
        }
        #expect(answer)
    }

    private final class Record: Sendable {
        private let state = Mutex<[ProcessID]>([])
        var all: [ProcessID] { state.withLock { $0 } }
        func add(_ process: ProcessID) { state.withLock { $0.append(process) } }
    }
}
