/// Asynchronous work for a thread that may wait: a program's main thread, never one of the cooperative pool.
package enum Blocking {
    /// Runs the work in a task and blocks until it is done.
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
