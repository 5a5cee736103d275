import Glibc
import Linux
import Publisher

/// The programs of this package as `swift build` left them, beside the test program.
package enum BuiltProgram {
    /// Where a product lies. The test program's own place is the build folder.
    package static func path(_ name: String) -> String {
        let own = realpath("/proc/self/exe", nil)
        defer { free(own) }
        var bundle = own.map { String(cString: $0) } ?? ""
        // The runner is either the bundle itself, or Swift's own with the bundle's path among the arguments.
        if let argument = CommandLine.arguments.first(where: { $0.hasSuffix("PackageTests.xctest") }) {
            bundle = argument
        }
        guard let slash = bundle.lastIndex(of: "/") else { return name }
        return bundle[...slash] + name
    }

    /// Runs a product to its end on a thread of its own, with no input.
    /// - Parameter environment: the whole environment; nil for the test's.
    /// - Returns: exit status (128 and the signal's number when killed), standard output and standard error.
    package static func run(
        _ name: String, _ arguments: [String], environment: [String: String]? = nil
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await runAny(path(name), arguments, environment: environment)
    }

    /// Runs any program that PATH finds, as ``run(_:_:environment:)`` does.
    package static func runAny(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        let ended = try await WorkerThread.run(name: "program") {
            try ChildProgram.run(program, arguments, environment: environment)
        }
        return (
            ended.status, String(decoding: ended.output, as: UTF8.self), String(decoding: ended.errors, as: UTF8.self)
        )
    }

    /// Whether PATH has a program, for `.enabled(if:)`.
    package static func isInstalled(_ program: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
    }

    /// Starts a product, waits until `ready` is true (20 s at most), and sends it a signal.
    /// - Returns: exit status as ``run(_:_:environment:)`` gives it, and standard error.
    package static func run(
        _ name: String, _ arguments: [String], signal: Int32, when ready: @escaping @Sendable () -> Bool
    ) async throws -> (status: Int32, stderr: String) {
        try await WorkerThread.run(name: "program") {
            let (output, errors) = (try ChildProgram.scratch(), try ChildProgram.scratch())
            let process = try ChildProgram.start(path(name), arguments, output: output, errors: errors)
            var ending = process.reap()
            let deadline = MonotonicClock.nanoseconds + 20_000_000_000
            while !ready() && ending == nil && MonotonicClock.nanoseconds < deadline {
                usleep(500)
                ending = process.reap()
            }
            if ending == nil { process.signal(signal) }
            let status = (ending ?? process.wait()).shellStatus
            return (status, String(decoding: ChildProgram.contents(errors), as: UTF8.self))
        }
    }
}
