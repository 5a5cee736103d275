import Boot

/// Making versions start warm.
extension BootBackend {
    package func makeWarm(_ image: VersionKey) -> AsyncThrowingStream<WarmProgress, any Error> {
        // Only the newest counts, as with a fetch.
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                do {
                    for try await progress in fetch(image, .whole) { continuation.yield(.fetching(progress)) }
                    try Task.checkCancellation()
                    try await makeState(of: image) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Boots a template in a session of its own, for guests as they are booted from here, and returns when it is saved.
    private func makeState(of image: VersionKey, _ progress: @escaping @Sendable (WarmProgress) -> Void) async throws {
        let all = try await current()
        let configuration = all.applying(all.systems[image.system.description])
        let request = BootRequest(
            id: "", name: image.description, memoryMiB: configuration.memoryMiB, cpus: configuration.cpus,
            display: hasDisplay ? .window : .none, network: configuration.network, accel: configuration.accelerator,
            connect: configuration.connect
        ).template(of: image, .template)
        let following = Task {
            while !Task.isCancelled {
                // One without a socket has nothing to say yet.
                if let status = await status(session: request.id), status.phase >= .guest {
                    progress(status.suspension == nil ? .booting : .saving)
                }
                // A wait that is cancelled ends the loop.
                try? await Task.sleep(for: .milliseconds(300))
            }
        }
        defer { following.cancel() }
        let (registry, launcher) = (registry, SessionLauncher(places: places, program: program))
        let report = try await withTaskCancellationHandler {
            try await launcher.start(request)
        } onCancel: {
            // It ends, and leaves nothing.
            Task { try? await registry.send(.stop, to: request.id, patience: .seconds(5)) }
        }
        if let failure = report.failure { throw failure }
    }
}
