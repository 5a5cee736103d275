import Linux

extension SessionRegistry {
    /// Powers a session's guest off, and waits until nothing of it is left; half a minute at most before its process is killed.
    package func end(_ session: String) async {
        // One that has ended already needs no end.
        guard let directory = try? directory(of: session) else { return }
        // It is killed below if it does not answer.
        _ = try? await send(.force, to: directory.id, patience: .seconds(10))
        for _ in 0..<300 where directory.isAlive {
            // Cancelled: it is killed sooner.
            try? await Task.sleep(for: .milliseconds(100))
        }
        guard directory.isAlive else { return }
        // The next start clears up what is left.
        _ = try? await WorkerThread.run(name: "kill") { kill(directory) }
    }
}
