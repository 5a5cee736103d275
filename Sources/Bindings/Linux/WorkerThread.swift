import CLinux
import Glibc

/// Threads for calls that wait. Swift's cooperative pool has one thread a core, so a call that waits there stops everybody.
package enum WorkerThread {
    /// Starts a detached thread that runs `body` once.
    ///
    /// A process at its limit of threads may have room again in a moment: it is tried for a second.
    /// - Parameters:
    ///   - name: Shown by top and gdb; cut after 15 bytes.
    ///   - body: Runs on the new thread, outside any actor.
    /// - Throws: ``SystemCallError`` of `pthread_create`; then `body` never runs.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
        var code = create(name: name, body)
        for _ in 0..<100 where code == EAGAIN {
            usleep(10_000)
            code = create(name: name, body)
        }
        guard code == 0 else { throw SystemCallError(code: code, call: "pthread_create", subject: name) }
    }

    /// Checks that this many threads can be started at once, for what takes threads and hangs silently when there are none: the pool
    /// that Swift's tasks run on.
    /// - Throws: ``SystemCallError`` of `pthread_create`.
    package static func require(_ count: Int) throws(SystemCallError) {
        let isOver = Monitor(false)
        defer { isOver.change { $0 = true } }
        for _ in 0..<count { try start(name: "probe") { _ = isOver.wait { $0 ? true : nil } } }
    }

    private static func create(name: String, _ body: @escaping @Sendable () -> Void) -> Int32 {
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
        if result != 0 { box.release() }
        return result
    }

    /// Runs a call that waits on a thread of its own, and suspends the caller meanwhile.
    /// - Throws: what `body` throws; ``SystemCallError`` when no thread can be started.
    package static func run<Value: Sendable>(
        name: String, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do throws(SystemCallError) {
                try start(name: name) { continuation.resume(with: Result(catching: body)) }
            } catch {
                continuation.resume(throwing: error)
            }
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

/// Asynchronous work for a thread that may wait: a program's main thread, never one of the cooperative pool.
package enum Blocking {
    /// Runs the work in a task and waits until it is done.
    /// - Throws: what the work throws.
    package static func run<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
        let done = Monitor<Result<Value, any Error>?>(nil)
        Task {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            done.change { $0 = result }
        }
        guard let result = done.wait({ $0 }) else { throw CancellationError() }
        return try result.get()
    }
}
