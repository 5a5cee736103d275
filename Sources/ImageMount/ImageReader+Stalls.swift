import BlockStore
import ImageIndex
import Linux

/// What happens when a block does not come: reads that have waited for too long, stores that failed, and guests that are to be paused.
extension ImageReader {
    /// The blocks that stalled reads and are not in the store yet. Empty: a paused guest may go on.
    package var stalledBlocks: [IndexedBlock] {
        state.withLock { state in state.waits.values.filter(\.isStalled).map(\.block) }
    }

    /// Nanoseconds in which at least one read has waited for blocks so far.
    package var waitedNanoseconds: UInt64 {
        state.withLock { $0.meter.nanoseconds(at: MonotonicClock.nanoseconds) }
    }

    /// Answers all reads that wait with an error at once, and further reads of the same blocks until they come.
    ///
    /// Needed before a guest is suspended, saved or snapshot: QEMU hangs in that while a read waits. The blocks count as
    /// stalled and are still fetched.
    package func releaseWaitingReads() {
        let (released, overdue, stalled) = state.withLock { state in
            let waiting = Array(state.waiting.values)
            let overdue = waiting.compactMap { self.overdue(of: $0) }
            let released = waiting.filter { self.overdue(of: $0) == nil && $0.claim() }
            for read in released { state.forget(read) }
            let wanted = waiting.filter { $0.terms.isWanted() }
            return (released, overdue, stall(Set(wanted.flatMap { $0.pieces.map(\.block.position) }), &state))
        }
        tell(stalled)
        for tell in overdue { tell(.released) }
        for read in released { end(read, .released) }
    }

    /// Releases the waiting reads and, until ``allowWaiting()``, every read that would have to wait.
    package func refuseWaiting() {
        state.withLock { $0.refusesWaiting = true }
        releaseWaitingReads()
    }

    /// Lets reads wait again.
    package func allowWaiting() {
        state.withLock { $0.refusesWaiting = false }
    }

    /// Ends all waiting reads and all fetching. Blocks that are stored locally can still be read.
    package func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            state.waits.removeAll()
            defer { state.waiting.removeAll() }
            return state.waiting.values.filter { $0.claim() }
        }
        for read in waiting { end(read, .closed) }
    }

    /// The store's answer says what to do: a place that did not answer may do so soon, a block that nobody has will not come
    /// while a read waits.
    func failed(_ block: IndexedBlock, _ error: BlockStoreError) {
        let outcome = state.withLock { state -> Failure in
            guard var wait = state.waits[block.position] else { return Failure() }
            wait.failures += 1
            wait.lastError = error
            wait.reads.removeAll { $0.isFinished }
            state.waits[block.position] = wait
            var outcome = Failure()
            var isClosed = false
            if case .closed = error { isClosed = true }
            if case .unreachable = error, !options.endsAtFailure {
            } else {
                outcome.ended = wait.reads.filter { $0.claim() }
                for read in outcome.ended { state.forget(read) }
                let isWanted = outcome.ended.contains { $0.terms.isWanted() }
                if isWanted && !isClosed { outcome.stalled = stall([block.position], &state) }
            }
            let isWanted = state.waits[block.position].map {
                !$0.reads.isEmpty || $0.isStalled && options.keepsFetching
            }
            if isClosed || isWanted != true {
                state.waits[block.position] = nil
            } else {
                outcome.retry = options.delay(afterAttempt: wait.failures)
            }
            return outcome
        }
        tell(outcome.stalled)
        for read in outcome.ended { end(read, .block(block, cause: error)) }
        if let delay = outcome.retry {
            TimerQueue.shared.schedule(after: delay) { [weak self] in self?.retry(block) }
        }
    }

    private struct Failure {
        var ended: [PendingRead] = []
        var stalled: [IndexedBlock] = []
        var retry: Duration?
    }

    private func retry(_ block: IndexedBlock) {
        let isWanted = state.withLock { state in
            guard let wait = state.waits[block.position] else { return false }
            if wait.isStalled && options.keepsFetching || wait.reads.contains(where: { !$0.isFinished }) { return true }
            state.waits[block.position] = nil
            return false
        }
        if isWanted { fetch(block) }
    }

    /// What hears that a wait is over while the read goes on. Where nobody is paused, a later read asks again.
    private func overdue(of read: PendingRead) -> (@Sendable (ImageReadError) -> Void)? {
        options.keepsFetching ? read.terms.overdue : nil
    }

    /// The bound of a read is over.
    func expire(_ read: PendingRead) {
        let overdue = self.overdue(of: read)
        guard overdue == nil ? read.claim() : !read.isFinished else { return }
        if overdue != nil {
            TimerQueue.shared.schedule(after: options.bound) { [weak self, weak read] in
                if let self, let read { self.expire(read) }
            }
        }
        let end = { (error: ImageReadError) in
            if let overdue { overdue(error) } else { self.end(read, error) }
        }
        guard read.terms.isWanted() else {
            if overdue == nil {
                state.withLock { $0.forget(read) }
                end(.timedOut(read.pieces[0].block))
            }
            return
        }
        let (error, stalled, isOver) = state.withLock { state in
            if overdue == nil { state.forget(read) }
            let waits = read.pieces.compactMap { state.waits[$0.block.position] }
            let stalled = stall(Set(read.pieces.map(\.block.position)), &state)
            let error = waits.first.map(ImageReader.error) ?? .timedOut(read.pieces[0].block)
            return (error, stalled, !state.waits.values.contains { $0.isStalled })
        }
        tell(stalled)
        if isOver && options.keepsFetching {
            // The last block came in the very moment: the guest pauses all the same, and must hear that it may go on.
            observer?.readStalled(blocks: read.pieces.map(\.block))
            end(error)
            observer?.stallEnded()
        } else {
            end(error)
        }
    }

    /// Marks blocks that are being fetched as stalled; returns those that were not, if anybody is to hear of it.
    func stall(_ positions: Set<Int>, _ state: inout State) -> [IndexedBlock] {
        let new = positions.sorted().filter { state.waits[$0]?.isStalled == false }
        for position in new { state.waits[position]?.isStalled = true }
        return options.keepsFetching ? new.compactMap { state.waits[$0]?.block } : []
    }

    static func error(of wait: BlockWait) -> ImageReadError {
        if let cause = wait.lastError { .block(wait.block, cause: cause) } else { .timedOut(wait.block) }
    }
}
