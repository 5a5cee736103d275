import Glibc
import Linux

/// A process that a test started, killed with this object. Its output goes nowhere.
final class TestProcess: Sendable {
    private let child: ChildProcess

    /// - Parameter environment: `NAME=value`, beside this process's own.
    init(_ arguments: [String], environment: [String] = []) throws {
        // `env` adds to the environment that it inherits.
        child = try ChildProcess(
            "env", environment + arguments, environment: nil)
    }

    static func shell(_ script: String) throws -> TestProcess { try TestProcess(["/bin/sh", "-c", script]) }

    func kill() { child.signal(SIGKILL) }

    /// Waits without blocking the cooperative pool. Nil when it is still there after `seconds`.
    /// - Returns: the exit code, or the negated signal that ended it.
    func wait(seconds: Double = 30) async throws -> Int32? {
        try await WorkerThread.run(name: "test-wait") { [child] in
            let end = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
            while MonotonicClock.nanoseconds < end {
                switch child.reap() {
                case .exited(let code): return code
                case .killed(let signal): return -signal
                case nil: usleep(5000)
                }
            }
            return nil
        }
    }

    deinit {
        // Nobody else waits for it: its number is ours until then.
        if child.reap() == nil { kill() }
    }
}

/// Runs a shell script to its end; nil when that takes too long.
func exitCode(_ script: String) async throws -> Int32? {
    let child = try TestProcess.shell(script)
    return try await child.wait()
}
