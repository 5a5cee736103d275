import Linux

/// All transfers of the program: one thread that drives libcurl, and connections that are kept.
///
/// It runs what it is given, first come first served. A caller whose requests are not all alike gives it no more than it has
/// room for (``maximumInFlight``), and lets the rest wait where they can still be ordered.
///
/// Completions are called on that thread: they must be short and never block.
package final class TransferQueue: Sendable {
    private let loop: TransferLoop
    /// Transfers at the same time.
    package let maximumInFlight: Int

    /// - Parameter maximumInFlight: transfers at the same time.
    package init(maximumInFlight: Int = 16, options: TransferOptions = .init()) {
        self.maximumInFlight = max(1, maximumInFlight)
        let loop = TransferLoop(maximumInFlight: maximumInFlight, options: options)
        self.loop = loop
        // Without a thread every transfer fails as in a queue that was closed.
        do { try WorkerThread.start(name: "transfers") { loop.run() } } catch { loop.close() }
    }

    deinit { loop.close() }

    /// Begins a transfer. Never blocks.
    /// - Parameters:
    ///   - ticket: the transfer's name, for a caller that must know it before the completion can run.
    ///   - completion: called exactly once, on the queue's thread, or on the caller's when the queue is closed.
    @discardableResult
    package func start(
        _ request: TransferRequest, as ticket: TransferTicket = TransferTicket(),
        completion: @escaping @Sendable (Result<TransferResult, TransferError>) -> Void
    ) -> TransferTicket {
        if !loop.send(.start(Transfer(ticket: ticket, request: request, completion: completion))) {
            completion(.failure(.cancelled))
        }
        return ticket
    }

    /// Breaks a transfer off; its completion gets ``TransferError/cancelled`` unless it has been called.
    package func cancel(_ ticket: TransferTicket) { _ = loop.send(.cancel(ticket)) }

    /// Cancels everything and ends the thread. Later transfers are cancelled at once.
    package func close() { loop.close() }

    /// The body at a URL, for structured concurrency; cancelling the task cancels the transfer.
    /// - Throws: ``TransferError``.
    package func get(
        _ url: String, maximumBytes: Int, retry: TransferRetry = .none
    ) async throws -> TransferResult {
        try await send(TransferRequest(url: url, maximumBytes: maximumBytes, retry: retry))
    }

    /// What comes of a request, for structured concurrency; cancelling the task cancels the transfer.
    /// - Throws: ``TransferError``.
    package func send(_ request: TransferRequest) async throws -> TransferResult {
        let ticket = TransferTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                start(request, as: ticket) { continuation.resume(with: $0) }
                // A task that was cancelled before it came here has sent its cancel too early.
                if Task.isCancelled { cancel(ticket) }
            }
        } onCancel: {
            cancel(ticket)
        }
    }
}
