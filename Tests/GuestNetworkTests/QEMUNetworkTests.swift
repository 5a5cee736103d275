import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestNetwork

private let qemu = "/usr/bin/qemu-system-x86_64"
private let bootRom = "/usr/lib/ipxe/qemu/efi-virtio.rom"

@Suite(
    .enabled(if: access(qemu, X_OK) == 0 && access(bootRom, R_OK) == 0, "SKIPPED: needs qemu-system-x86 and ipxe-qemu"))
struct QEMUNetworkTests {
    /// The card's boot ROM asks for an address: QEMU's own framing and a foreign network stack.
    @Test func givesAnAddressToARealQEMU() async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp")
            let gateway = try UnixListener(path: folder.path + "/ssh")
            let network = try GuestNetwork(
                .testing(mode: .user, socketPath: folder.path + "/net", sshSocketPath: gateway.path))
            let pipe = try Pipe()
            let machine = try ChildProcess(
                qemu,
                [
                    "-nodefaults", "-accel", "tcg", "-m", "64", "-display", "none", "-serial", "stdio", "-boot", "n",
                    "-device", "sga", "-netdev",
                    "stream,id=osc,server=off,addr.type=unix,addr.path=\(folder.path)/net", "-device",
                    "virtio-net-pci,netdev=osc,bootindex=1",
                ], standardOutput: pipe.writing.descriptor, standardError: pipe.writing.descriptor)
            defer {
                machine.signal(SIGKILL)
                machine.wait()
                network.close()
            }
            var text = ""
            let deadline = MonotonicClock.nanoseconds + 60_000_000_000
            var buffer = [UInt8](repeating: 0, count: 4096)
            while !text.contains("10.0.2.15"), MonotonicClock.nanoseconds < deadline {
                var item = pollfd(fd: pipe.reading.descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&item, 1, 1000) > 0 else { continue }
                let count = read(pipe.reading.descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            #expect(text.contains("10.0.2.15"), "\(text)")
        }
    }
}
