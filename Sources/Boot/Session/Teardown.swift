import Linux

/// The steps that undo a session, run in the reverse order of their adding.
actor Teardown {
    private var steps: [@Sendable () async -> Void] = []

    func add(_ step: @escaping @Sendable () async -> Void) { steps.append(step) }

    /// A step that waits: it gets a thread of its own, and ten seconds. What is not done by then the process's end does.
    func addBlocking(_ step: @escaping @Sendable () -> Void) {
        steps.append {
            let (done, continuation) = AsyncStream<Void>.makeStream()
            do throws(SystemCallError) {
                try WorkerThread.start(name: "teardown") {
                    step()
                    continuation.finish()
                }
            } catch {
                // It must be done, even on this thread.
                step()
                continuation.finish()
            }
            let limit = Task {
                try await Task.sleep(for: .seconds(10))
                continuation.finish()
            }
            for await _ in done {}
            limit.cancel()
        }
    }

    /// The end of a task: it is cancelled, and has ten seconds.
    func addEnd(of task: Task<Void, Never>) {
        steps.append {
            task.cancel()
            let (done, continuation) = AsyncStream<Void>.makeStream()
            Task {
                await task.value
                continuation.finish()
            }
            let limit = Task {
                try await Task.sleep(for: .seconds(10))
                continuation.finish()
            }
            for await _ in done {}
            limit.cancel()
        }
    }

    func run() async {
        while let step = steps.popLast() { await step() }
    }
}
