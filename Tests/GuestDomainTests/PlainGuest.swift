import Glibc
import Linux
import TestSupport

@testable import GuestDomain

/// A guest of QEMU alone, with what templates and their copies read through qemu_fw_cfg; in emulation. Dies with the object.
final class PlainGuest {
    static let program = "/usr/bin/qemu-system-x86_64"

    private let machine: ChildProcess
    private let monitor: FileHandle
    private let console: String
    private var isOver = false

    /// - Parameters:
    ///   - name: of its files in `folder`; its disk `NAME.qcow2` is there.
    ///   - park: what the template's own entry says; nil for a guest without both.
    ///   - order: what it is told when it wakes; nil for a template.
    ///   - memory: a file of ``save(to:)``, from which it goes on; nil for a boot.
    ///   - files: more that it reads, by their names below `opt/oscircular`.
    init(
        _ name: String, in folder: TemporaryDirectory, park: String? = "park 1", order: String? = nil,
        memory: String? = nil, files: [String: String] = [:]
    ) async throws {
        console = folder.path("\(name).console")
        var arguments = [
            "-nodefaults", "-machine", "q35", "-accel", "tcg", "-m", "256", "-display", "none", "-serial",
            "file:\(console)", "-drive", "file=\(folder.path("\(name).qcow2")),format=qcow2,if=virtio", "-device",
            "virtio-rng-pci", "-qmp", "unix:\(folder.path("\(name).qmp")),server=on,wait=off",
        ]
        if let park {
            func padded(_ text: String, _ length: Int, by byte: UInt8) -> [UInt8] {
                Array(text.utf8) + [UInt8](repeating: byte, count: length - text.utf8.count)
            }
            for (entry, bytes) in [
                ("park", padded(park, ParkEntries.parkLength, by: UInt8(ascii: "\n"))),
                ("session", padded(order ?? "", ParkEntries.orderLength, by: 0)),
            ] {
                let path = try folder.write(bytes, to: "\(name).\(entry)")
                arguments += ["-fw_cfg", "name=opt/oscircular/\(entry),file=\(path)"]
            }
        }
        for (entry, path) in files.sorted(by: { $0.key < $1.key }) {
            arguments += ["-fw_cfg", "name=opt/oscircular/\(entry),file=\(path)"]
        }
        if let memory { arguments += ["-incoming", "exec:cat \(memory)"] }
        machine = try ChildProcess(Self.program, arguments)
        var connection: FileHandle?
        _ = await eventually(within: .seconds(20)) {
            // Nobody listens yet.
            connection = try? UnixListener.connect(to: folder.path("\(name).qmp"), timeout: 60)
            return connection != nil
        }
        guard let connection else {
            machine.signal(SIGKILL)
            machine.wait()
            throw SystemCallError(.timedOut, call: "connect", subject: "QEMU's monitor")
        }
        monitor = connection
        _ = try answer()
        try ask("qmp_capabilities")
    }

    deinit { kill() }

    private func kill() {
        guard !isOver else { return }
        isOver = true
        machine.signal(SIGKILL)
        machine.wait()
    }

    /// What it has said on its serial port.
    var text: String {
        // Nothing before QEMU has made it.
        let bytes = (try? FileContents.read(console, limit: 1 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    func says(_ word: String, within seconds: Int) async -> Bool {
        await eventually(within: .seconds(seconds)) { text.contains(word) }
    }

    /// Whether QEMU ends by itself.
    func ends(within seconds: Int) async -> Bool {
        await eventually(within: .seconds(seconds)) {
            if !isOver, machine.reap() != nil { isOver = true }
            return isOver
        }
    }

    /// Presses the power button.
    func press() throws { try ask("system_powerdown") }

    /// Lets it go on when it has read the memory that it was given: that is a stopped guest's.
    func goOn() async throws {
        let isThere = try await eventually(within: .seconds(60)) {
            try !ask("query-status").contains("inmigrate")
        }
        guard isThere else { throw SystemCallError(.timedOut, call: "incoming") }
        try ask("cont")
    }

    /// Stops it, saves its memory, and ends it.
    func save(to memory: String) async throws {
        try ask("stop")
        try ask("migrate-set-parameters", #"{"max-bandwidth": 10737418240}"#)
        try ask("migrate", #"{"uri": "exec:cat > \#(memory)"}"#)
        let isSaved = try await eventually(within: .seconds(60)) {
            try ask("query-migrate").contains(#""status": "completed""#)
        }
        kill()
        guard isSaved else { throw SystemCallError(.timedOut, call: "migrate") }
    }

    @discardableResult
    private func ask(_ command: String, _ arguments: String = "{}") throws -> String {
        try Array(#"{"execute": "\#(command)", "arguments": \#(arguments)}\#n"#.utf8).withUnsafeBytes {
            try monitor.write($0)
        }
        while true {
            let line = try answer()
            if line.contains(#""event""#) { continue }
            guard line.contains(#""return""#) else {
                throw SystemCallError(.notSupported, call: command, subject: line)
            }
            return line
        }
    }

    private var received: [UInt8] = []

    /// The next line.
    private func answer() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeFirst(end + 1) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            guard case .bytes(let count) = try buffer.withUnsafeMutableBytes({ try monitor.receive(into: $0) }) else {
                throw SystemCallError(.timedOut, call: "recv", subject: "QEMU's monitor")
            }
            received += buffer[..<count]
        }
    }
}
