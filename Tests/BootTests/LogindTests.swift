import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// When guests are suspended without being asked, by a logind that python3-dbusmock plays on a bus of its own.
@Suite(.serialized, .enabled(if: MockedLogind.isReady, "needs dbus, busctl and python3-dbusmock"))
struct LogindTests {
    private let logind: MockedLogind

    init() async throws { logind = try await MockedLogind() }

    private final class Heard: Sendable {
        let reasons = Mutex<[String]>([])
        let goesOn = Atomic(false)
    }

    private func watch(_ moment: SuspendMoment, _ heard: Heard) throws -> LogindWatch {
        try LogindWatch(
            moment, suspend: { reason in heard.reasons.withLock { $0.append(reason) } },
            goesOn: { heard.goesOn.load(ordering: .relaxed) }, log: { Issue.record("\($0)") })
    }

    @Test func theMachineWaitsForAGuestThatIsSuspendedBeforeItSleeps() async throws {
        let heard = Heard()
        let watch = try watch(.both, heard)
        defer { watch.close() }
        #expect(
            await eventually { logind.inhibitors.contains("\"sleep:shutdown\" \"OS Circular\"") },
            "\(logind.inhibitors)")
        #expect(logind.inhibitors.contains("\"delay\""))
        logind.emit("PrepareForSleep", "b", "b", "true")
        #expect(await eventually { heard.reasons.withLock { $0 } == ["this machine goes to sleep"] })
        #expect(logind.inhibitors.contains("OS Circular"), "it is being suspended")
        // One that could not be suspended is waited for no longer, and is tried again the next time.
        heard.goesOn.store(true, ordering: .relaxed)
        #expect(await eventually { !logind.inhibitors.contains("OS Circular") }, "\(logind.inhibitors)")
        heard.goesOn.store(false, ordering: .relaxed)
        logind.emit("PrepareForSleep", "b", "b", "false")
        #expect(await eventually { logind.inhibitors.contains("OS Circular") })
        logind.emit("PrepareForShutdown", "b", "b", "true")
        #expect(await eventually { heard.reasons.withLock { $0.last } == "this machine shuts down" })
    }

    @Test func itIsSuspendedWhenItsUserHasNoSessionLeft() async throws {
        let heard = Heard()
        logind.add(session: "c1", user: getuid())
        logind.add(session: "c2", user: getuid() + 1)
        let watch = try watch(.logout, heard)
        #expect(await eventually { logind.inhibitors.contains("\"shutdown\" \"OS Circular\"") }, "\(logind.inhibitors)")
        // Neither sleep nor another session's end is meant.
        logind.emit("PrepareForSleep", "b", "b", "true")
        logind.emit("SessionRemoved", "so", "s", "c9", "o", "/org/freedesktop/login1/session/c9")
        try await Task.sleep(for: .milliseconds(500))
        #expect(heard.reasons.withLock { $0 } == [])
        logind.remove(session: "c1")
        logind.emit("SessionRemoved", "so", "s", "c1", "o", "/org/freedesktop/login1/session/c1")
        #expect(await eventually { heard.reasons.withLock { $0 } == ["its user has logged out"] })
        watch.close()
        #expect(await eventually { !logind.inhibitors.contains("OS Circular") })
    }

    @Test func aBusThatIsNotThereIsSaid() async throws {
        logind.end()
        let said = Mutex("")
        let watch = try LogindWatch(
            .sleep, suspend: { _ in }, goesOn: { true }, log: { text in said.withLock { $0 = text } })
        #expect(await eventually { said.withLock { $0 }.contains("logind cannot be asked") })
        watch.close()
    }
}

/// A bus, and logind on it.
private final class MockedLogind: Sendable {
    static let isReady =
        ["dbus-daemon", "busctl"].allSatisfy { ProgramPath.find($0) != nil }
        && access("/usr/lib/python3/dist-packages/dbusmock/templates/logind.py", R_OK) == 0

    private let folder: TemporaryDirectory
    private let address: String
    private let processes: Mutex<[ChildProcess]>

    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        address = "unix:path=\(folder.path("bus"))"
        let configuration = """
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
             "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig><type>system</type><listen>\(address)</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
            </busconfig>
            """
        try folder.write(Array(configuration.utf8), to: "bus.conf")
        setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1)
        let daemon = try ChildProcess(
            "dbus-daemon", ["--nofork", "--config-file=\(folder.path("bus.conf"))"], environment: nil)
        processes = Mutex([daemon])
        #expect(await eventually { access(folder.path("bus"), F_OK) == 0 })
        let mock = try ChildProcess(
            "/usr/bin/python3", ["-m", "dbusmock", "--system", "--template", "logind"], environment: nil)
        processes.withLock { $0.append(mock) }
        #expect(await eventually(within: .seconds(20)) { call("org.freedesktop.login1.Manager", "ListSeats").isDone })
    }

    deinit { end() }

    func end() {
        unsetenv("DBUS_SYSTEM_BUS_ADDRESS")
        let all = processes.withLock { processes in
            defer { processes = [] }
            return processes
        }
        for process in all {
            process.send(.kill)
            process.wait()
        }
        unlink(folder.path("bus"))
    }

    @discardableResult
    private func call(
        _ interface: String, _ method: String, _ arguments: String...
    ) -> (isDone: Bool, output: String) {
        let finished = try? ChildProcess.run(
            "busctl",
            ["--address=\(address)", "call", "org.freedesktop.login1", "/org/freedesktop/login1", interface, method]
                + arguments)
        return (finished?.ending == .exited(0), finished.map { String(decoding: $0.output, as: UTF8.self) } ?? "")
    }

    var inhibitors: String { call("org.freedesktop.login1.Manager", "ListInhibitors").output }

    /// - Parameter values: of the signal, each with its type.
    func emit(_ signal: String, _ signature: String, _ values: String...) {
        let all = ["sssav", "org.freedesktop.login1.Manager", signal, signature, "\(values.count / 2)"] + values
        mock("EmitSignal", all)
    }

    func add(session: String, user: uid_t) {
        mock("AddSession", ["ssusb", session, "seat0", "\(user)", "user\(user)", "true"])
    }

    func remove(session: String) { mock("RemoveObject", ["s", "/org/freedesktop/login1/session/\(session)"]) }

    private func mock(_ method: String, _ arguments: [String]) {
        let finished = try? ChildProcess.run(
            "busctl",
            [
                "--address=\(address)", "call", "org.freedesktop.login1", "/org/freedesktop/login1",
                "org.freedesktop.DBus.Mock", method,
            ] + arguments)
        #expect(finished?.ending == .exited(0), "\(method): \(finished?.text ?? "")")
    }
}
