import CLinux
import Glibc

/// Threads for calls that block. Swift's cooperative pool has one thread a core, so a blocking call there stops everybody.
package enum WorkerThread {
    /// Starts a detached thread that runs `body` once.
    /// - Parameters:
    ///   - name: Shown by top and gdb; cut after 15 bytes.
    ///   - body: Runs on the new thread, outside any actor.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Start(name: name, body: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { @Sendable argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                _ = osc_set_thread_name(String(start.name.prefix(15)))
                start.body()
                return nil
            }, box.toOpaque())
        precondition(result == 0, "pthread_create: \(SystemCallError.message(of: result))")
    }

    /// Runs a blocking call on a thread of its own and waits without blocking the caller's.
    package static func run<Value: Sendable>(
        name: String, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            start(name: name) { continuation.resume(with: Result(catching: body)) }
        }
    }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
