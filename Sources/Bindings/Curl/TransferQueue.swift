import CCurl
import Linux
import Synchronization

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
            completion(.failure(loop.refusal(of: request.url)))
        }
        return ticket
    }

    /// Breaks a transfer off; its completion gets ``TransferError/cancelled`` unless it has been called.
    package func cancel(_ ticket: TransferTicket) { _ = loop.send(.cancel(ticket)) }

    /// Servers that the user has named by now, besides those of the options: for all transfers that begin later. Replaces what was said before.
    /// - Parameter servers: as ``TransferOptions/writtenServers``.
    package func setNamed(_ servers: Set<String>) { _ = loop.send(.name(servers)) }

    /// Cancels everything and ends the thread. Later transfers are cancelled at once.
    package func close() { loop.close() }

    /// The body at a URL, for structured concurrency; cancelling the task cancels the transfer.
    /// - Throws: ``TransferError``.
    package func get(
        _ url: String, maximumBytes: Int, retry: TransferRetry = .none, reach: TransferReach = .written,
        seconds: Int? = nil
    ) async throws -> TransferResult {
        try await send(
            TransferRequest(url: url, maximumBytes: maximumBytes, retry: retry, reach: reach, seconds: seconds))
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

/// Names one transfer of a ``TransferQueue``, to cancel it.
package struct TransferTicket: Hashable, Sendable {
    private static let last = Atomic<UInt64>(0)
    private let number: UInt64

    /// A ticket that nobody else has.
    package init() {
        number = TransferTicket.last.add(1, ordering: .relaxed).newValue
    }
}

/// The thread's side of a ``TransferQueue``: libcurl's multi handle, the transfers under way, those that there is no room for
/// yet, first come first served, and those that wait to begin anew.
// @unchecked: other threads touch the inbox only, which is a Mutex; all else belongs to the thread in `run`.
final class TransferLoop: @unchecked Sendable {
    enum Command: Sendable {
        case start(Transfer)
        case cancel(TransferTicket)
        case name(Set<String>)
    }

    private struct Inbox {
        var commands: [Command] = []
        var isClosed = false
        /// Why libcurl cannot be used, in the dynamic loader's words or our own.
        var fault: String?
        /// For `curl_multi_wakeup`, the one multi call that any thread may make; nil before the first transfer, and when it is being freed.
        var multi: UnsafeMutableRawPointer?
    }

    private let inbox: Monitor<Inbox>
    private var multi: UnsafeMutableRawPointer?
    private let maximumInFlight: Int
    private var options: TransferOptions
    /// Those of the options as they were given.
    private let writtenServers: Set<String>
    private var waiting: [Transfer] = []
    private var inFlight: [UnsafeMutableRawPointer: Transfer] = [:]
    private var paused: [(due: UInt64, transfer: Transfer)] = []
    private var idle: [UnsafeMutableRawPointer] = []

    private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(maximumInFlight: Int, options: TransferOptions) {
        self.maximumInFlight = max(1, maximumInFlight)
        self.options = options
        writtenServers = options.writtenServers
        inbox = Monitor(Inbox())
    }

    /// Hands a command to the thread. Any thread.
    /// - Returns: false when the loop is closed.
    func send(_ command: Command) -> Bool {
        inbox.change(wakingIf: { inbox in
            guard !inbox.isClosed else { return (false, false) }
            inbox.commands.append(command)
            guard let multi = inbox.multi else { return (true, true) }
            curl_multi_wakeup(multi)
            return (true, false)
        })
    }

    /// Why a transfer is not begun. Any thread.
    func refusal(of url: String) -> TransferError {
        guard let fault = inbox.change(wakingIf: { ($0.fault, false) }) else { return .cancelled }
        return .connection(url: url, code: Int(CURLE_FAILED_INIT.rawValue), message: fault)
    }

    /// Asks the thread to cancel everything and to end. Any thread.
    func close() {
        inbox.change { inbox in
            inbox.isClosed = true
            if let multi = inbox.multi { curl_multi_wakeup(multi) }
        }
    }

    /// The thread's body; returns after ``close()``.
    func run() {
        guard waitForTransfer(), let multi = begin() else { return cancelAll() }
        var running: Int32 = 0
        while true {
            let (commands, isClosed) = takeCommands()
            commands.forEach(obey)
            if isClosed { break }
            startWaiting(multi)
            curl_multi_perform(multi, &running)
            finishDone(multi)
            startWaiting(multi)
            // libcurl shortens the wait to its own timers, and a wake-up that came before counts.
            curl_multi_poll(multi, nil, 0, longestWait, nil)
            resumePaused()
        }
        cancelAll()
        inbox.change { $0.multi = nil }
        idle.forEach { curl_easy_cleanup($0) }
        curl_multi_cleanup(multi)
    }

    private func takeCommands() -> (commands: [Command], isClosed: Bool) {
        inbox.change { inbox in
            defer { inbox.commands = [] }
            return (inbox.commands, inbox.isClosed)
        }
    }

    /// Until then libcurl is not loaded.
    /// - Returns: false when the queue was closed before there was any.
    private func waitForTransfer() -> Bool {
        let isWanted = inbox.wait { inbox -> Bool? in
            if inbox.isClosed { return false }
            return inbox.commands.contains { if case .start = $0 { true } else { false } } ? true : nil
        }
        return isWanted == true
    }

    /// Loads libcurl and makes the handle of all transfers. Where that fails the queue is closed, and says why to all who come.
    private func begin() -> UnsafeMutableRawPointer? {
        let missing = osc_curl_load().map { String(cString: $0) }
        guard missing == nil, TransferLoop.isInitialized, let multi = curl_multi_init() else {
            inbox.change { ($0.isClosed, $0.fault) = (true, missing ?? "libcurl cannot be used: it has no memory") }
            return nil
        }
        osc_curl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, maximumInFlight)
        osc_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 2 * maximumInFlight)
        osc_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        self.multi = multi
        inbox.change { $0.multi = multi }
        return multi
    }

    private func obey(_ command: Command) {
        switch command {
        case .start(let transfer): waiting.append(transfer)
        case .name(let servers): options.writtenServers = writtenServers.union(servers)
        case .cancel(let ticket):
            if let position = waiting.firstIndex(where: { $0.ticket == ticket }) {
                waiting.remove(at: position).completion(.failure(.cancelled))
            } else if let position = paused.firstIndex(where: { $0.transfer.ticket == ticket }) {
                paused.remove(at: position).transfer.completion(.failure(.cancelled))
            } else if let (easy, transfer) = inFlight.first(where: { $0.value.ticket == ticket }), let multi {
                release(easy, multi)
                transfer.completion(.failure(.cancelled))
            }
        }
    }

    /// Milliseconds.
    private var longestWait: Int32 {
        guard let due = paused.map(\.due).min() else { return inFlight.isEmpty ? 60_000 : 1000 }
        let now = MonotonicClock.nanoseconds
        return due > now ? Int32(min(1000, (due - now) / 1_000_000 + 1)) : 0
    }

    private func resumePaused() {
        let now = MonotonicClock.nanoseconds
        let due = paused.filter { $0.due <= now }
        paused.removeAll { $0.due <= now }
        waiting += due.map(\.transfer)
    }

    private func startWaiting(_ multi: UnsafeMutableRawPointer) {
        // One that cannot be started makes room for the next at once.
        while inFlight.count < maximumInFlight, !waiting.isEmpty { start(waiting.removeFirst(), multi) }
    }

    private func start(_ transfer: Transfer, _ multi: UnsafeMutableRawPointer) {
        guard let easy = idle.popLast() ?? curl_easy_init() else {
            let code = CURLE_OUT_OF_MEMORY
            let message = String(cString: curl_easy_strerror(code))
            transfer.completion(
                .failure(.connection(url: transfer.request.url, code: Int(code.rawValue), message: message)))
            return
        }
        do throws(TransferError) {
            try transfer.prepare(easy, options: options)
        } catch {
            recycle(easy)
            transfer.completion(.failure(error))
            return
        }
        inFlight[easy] = transfer
        curl_multi_add_handle(multi, easy)
    }

    private func finishDone(_ multi: UnsafeMutableRawPointer) {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // The message dies with the handle's removal.
            let code = osc_curl_message_result(message)
            guard let transfer = inFlight[easy] else { continue }
            let outcome: Result<TransferResult, TransferError>
            do throws(TransferError) {
                if try transfer.follows(code, options: options) {
                    release(easy, multi)
                    start(transfer, multi)
                    continue
                }
                outcome = transfer.outcome(code)
            } catch {
                outcome = .failure(error)
            }
            if case .failure(let error) = outcome, let pause = transfer.pause(after: error), transfer.beginAnew() {
                release(easy, multi)
                paused.append((MonotonicClock.nanoseconds + UInt64(pause * 1e9), transfer))
                continue
            }
            release(easy, multi)
            transfer.completion(outcome)
        }
    }

    private func release(_ easy: UnsafeMutableRawPointer, _ multi: UnsafeMutableRawPointer) {
        inFlight[easy] = nil
        curl_multi_remove_handle(multi, easy)
        recycle(easy)
    }

    /// Connections live in the multi handle, so a reset loses none.
    private func recycle(_ easy: UnsafeMutableRawPointer) {
        curl_easy_reset(easy)
        idle.append(easy)
    }

    private func cancelAll() {
        takeCommands().commands.forEach(obey)
        if let multi {
            for (easy, transfer) in inFlight {
                release(easy, multi)
                transfer.completion(.failure(.cancelled))
            }
        }
        paused.forEach { $0.transfer.completion(.failure(.cancelled)) }
        paused = []
        waiting.forEach { $0.completion(.failure(refusal(of: $0.request.url))) }
        waiting = []
    }
}
