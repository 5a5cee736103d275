import Glibc
import Linux

/// The programs of this package as `swift build` left them, beside the test program.
package enum BuiltProgram {
    /// Where a product lies. The test program's own place is the build folder.
    package static func path(_ name: String) -> String {
        var bundle = ResolvedPath.existing("/proc/self/exe") ?? ""
        // The runner is either the bundle itself, or Swift's own with the bundle's path among the arguments.
        if let argument = CommandLine.arguments.first(where: { $0.hasSuffix("PackageTests.xctest") }) {
            bundle = argument
        }
        guard let slash = bundle.lastIndex(of: "/") else { return name }
        return bundle[...slash] + name
    }

    /// Bytes that are kept of what a program writes.
    private static let outputLimit = 16 << 20

    /// How long a program may take: one that hangs must not hold up all tests.
    package static let patience = Duration.seconds(300)

    /// What a program that did not end in time had written until it was killed.
    package struct Overdue: Error, CustomStringConvertible {
        package let description: String

        init(_ program: String, _ arguments: [String], _ time: Duration, _ written: String) {
            let command = ([program] + arguments).joined(separator: " ")
            description = "'\(command)' had not ended after \(time), and was killed. It had written:\n\(written)"
        }
    }

    /// Runs a product to its end on a thread of its own, with no input.
    /// - Parameters:
    ///   - environment: the whole environment; nil for the test's.
    ///   - time: after it the program is killed, with what it started.
    /// - Returns: exit status (128 and the signal's number when killed), standard output and standard error.
    /// - Throws: ``Overdue``.
    package static func run(
        _ name: String, _ arguments: [String], environment: [String: String]? = nil, within time: Duration = patience
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await runAny(path(name), arguments, environment: environment, within: time)
    }

    /// Runs any program that PATH finds, as ``run(_:_:environment:within:)`` does.
    package static func runAny(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil, within time: Duration = patience
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        let variables = environment?.map { "\($0.key)=\($0.value)" }
        let finished = try await WorkerThread.run(name: "program") {
            try ChildProcess.run(program, arguments, environment: variables, keeping: outputLimit, within: time)
        }
        let output = String(decoding: finished.output, as: UTF8.self)
        let errors = String(decoding: finished.errors, as: UTF8.self)
        if finished.ranOutOfTime { throw Overdue(program, arguments, time, output + errors) }
        return (finished.ending.shellStatus, output, errors)
    }

    /// Whether PATH has a program, for `.enabled(if:)`.
    package static func isInstalled(_ program: String) -> Bool {
        let path = Environment.value("PATH") ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { Paths.allows(.executing, "\($0)/\(program)") }
    }

    /// Starts a product, waits until `ready` is true (20 s at most), and sends it a signal.
    /// - Returns: exit status as ``run(_:_:environment:within:)`` gives it, and standard error.
    /// - Throws: ``Overdue``.
    package static func run(
        _ name: String, _ arguments: [String], signal: Int32, when ready: @escaping @Sendable () -> Bool
    ) async throws -> (status: Int32, stderr: String) {
        try await WorkerThread.run(name: "program") {
            let folder = try TemporaryDirectory()
            // A file, which does not fill up while nobody reads it.
            let errors = try FileHandle(folder.path("errors"), for: .writing, .createNew)
            let process = try ChildProcess(
                path(name), arguments, environment: nil, standardError: errors.descriptor, session: .own)
            var ending = process.reap()
            let deadline = MonotonicClock.nanoseconds + 20_000_000_000
            while !ready() && ending == nil && MonotonicClock.nanoseconds < deadline {
                MonotonicClock.pause(milliseconds: 1)
                ending = process.reap()
            }
            if ending == nil { process.signal(signal) }
            var sources = [PollSource(process.descriptor)]
            let isOver = try PollSource.wait(for: &sources, milliseconds: Int32(patience / .milliseconds(1)))
            if !isOver { Glibc.kill(-process.pid, SIGKILL) }
            let status = (ending ?? process.wait()).shellStatus
            let written = try FileContents.readText(folder.path("errors"), limit: outputLimit)
            if !isOver { throw Overdue(name, arguments, patience, written) }
            return (status, written)
        }
    }
}
