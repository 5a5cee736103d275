import Linux

/// Runs a test that blocks on a thread of its own, yet within the test's task: an issue found there names its test.
enum BlockingThread {
    static func run(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withTaskExecutorPreference(Executor()) { try body() }
    }

    /// Each job gets a new thread, so what a test changes about its thread ends with it.
    private final class Executor: TaskExecutor {
        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            try? WorkerThread.start(name: "test") { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
