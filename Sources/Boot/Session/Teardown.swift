import Linux

/// What must be taken away again, in the reverse order of its making.
actor Teardown {
    private var steps: [@Sendable () async -> Void] = []

    func add(_ step: @escaping @Sendable () async -> Void) { steps.append(step) }

    /// A step that blocks: it gets a thread of its own, and ten seconds. The process's end does what is not done then.
    func addBlocking(_ step: @escaping @Sendable () -> Void) {
        steps.append {
            let (done, continuation) = AsyncStream<Void>.makeStream()
            do throws(SystemCallError) {
                try WorkerThread.start(name: "teardown") {
                    step()
                    continuation.finish()
                }
            } catch {
                // It must be done, wherever.
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

    func run() async {
        while let step = steps.popLast() { await step() }
    }
}
