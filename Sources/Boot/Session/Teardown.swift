import Linux

/// The steps that undo a session, run in the reverse order of their adding.
actor Teardown {
    private var steps: [@Sendable () async -> Void] = []

    func add(_ step: @escaping @Sendable () async -> Void) { steps.append(step) }

    /// A step that waits: it gets a thread of its own, and ten seconds. What is not done by then the process's end does.
    func addBlocking(_ step: @escaping @Sendable () -> Void) {
        steps.append {
            await Self.bounded { done in
                do throws(SystemCallError) {
                    try WorkerThread.start(name: "teardown") {
                        step()
                        done()
                    }
                } catch {
                    // It must be done, even on this thread.
                    step()
                    done()
                }
            }
        }
    }

    /// The end of a task: it is cancelled, and has ten seconds.
    func addEnd(of task: Task<Void, Never>) {
        steps.append {
            task.cancel()
            await Self.bounded { done in
                Task {
                    await task.value
                    done()
                }
            }
        }
    }

    /// Waits until what `begin` has begun says that it is done, ten seconds at most.
    private static func bounded(_ begin: (@escaping @Sendable () -> Void) -> Void) async {
        let (done, continuation) = AsyncStream<Void>.makeStream()
        begin { continuation.finish() }
        let limit = Task {
            try await Task.sleep(for: .seconds(10))
            continuation.finish()
        }
        for await _ in done {}
        limit.cancel()
    }

    func run() async {
        while let step = steps.popLast() { await step() }
    }
}
