import Synchronization

/// What a guest says on its serial console that goes to sleep as a template, or goes on from the memory of one.
package enum ParkWord: Sendable, Equatable {
    /// It sleeps in a moment.
    case parked
    /// It cannot be a template; why, in its own words.
    case noPark(String)
    /// It is a system of its own again.
    case awake
    /// It was woken, and told nothing.
    case noSession
}

/// Finds such words. A guest says what it likes: a line's beginning is kept and no more, and what a word is worth is for others to judge.
package struct ParkWords: Sendable {
    /// Bytes of a line that are looked at.
    private static let longestLine = 200
    private static let mark = "OSCIRCULAR-"

    private var filter = TerminalFilter(for: .text)
    private var line: [UInt8] = []

    package init() {}

    /// Takes the next piece of what the guest says.
    package mutating func take(_ bytes: some Sequence<UInt8>) -> [ParkWord] {
        var words: [ParkWord] = []
        for byte in filter.pass(bytes) {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if let word = ParkWords.word(line) { words.append(word) }
                line.removeAll(keepingCapacity: true)
            } else if line.count < ParkWords.longestLine {
                line.append(byte)
            }
        }
        return words
    }

    private static func word(_ line: [UInt8]) -> ParkWord? {
        guard line.starts(with: mark.utf8) else { return nil }
        let parts = String(decoding: line.dropFirst(mark.utf8.count), as: UTF8.self).split(
            separator: " ", maxSplits: 1)
        switch parts.first {
        case "PARKED": return .parked
        case "NO-PARK": return .noPark(parts.count > 1 ? String(parts[1]) : "it does not say why")
        case "AWAKE": return .awake
        case "NO-SESSION": return .noSession
        default: return nil
        }
    }
}

/// Listens for what a guest says while it parks or wakes.
package final class ParkWatch: Sendable {
    private struct State {
        var finder = ParkWords()
        var heard: [ParkWord] = []
        /// Looks for a prompt for whoever wants to know whether there is one; nil while nobody does.
        var answer: PromptAnswer?
        var isAnswered = false
    }

    /// Words that are kept for whoever asks: a guest may say one over and over.
    private static let mostKept = 16
    /// Between two looks.
    private static let look = Duration.milliseconds(5)

    private let state = Mutex(State())

    package init() {}

    /// What the guest says, on the console's thread.
    package func take(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            let words = state.finder.take(bytes)
            state.heard += words.prefix(ParkWatch.mostKept - state.heard.count)
            if state.answer?.take(bytes) == true { state.isAnswered = true }
        }
    }

    /// What was said before is nobody's any more.
    package func forget() { state.withLock { $0.heard = [] } }

    /// The next word, each once; waits for it.
    /// - Returns: nil where none came in time, or the task was cancelled.
    package func next(within time: Duration) async -> ParkWord? {
        await wait(within: time) { $0.heard.isEmpty ? nil : $0.heard.removeFirst() }
    }

    /// From now on a prompt is an answer.
    package func seekAnswer() { state.withLock { ($0.answer, $0.isAnswered) = (PromptAnswer(), false) } }

    /// Whether the guest answers; waits for it.
    package func isAnswered(within time: Duration) async -> Bool {
        await wait(within: time) { $0.isAnswered ? true : nil } ?? false
    }

    private func wait<Found: Sendable>(
        within time: Duration, _ find: @Sendable (inout State) -> Found?
    ) async -> Found? {
        let end = ContinuousClock.now + time
        while true {
            if let found = state.withLock({ find(&$0) }) { return found }
            guard ContinuousClock.now < end, !Task.isCancelled else { return nil }
            // One that is cancelled is seen above.
            try? await Task.sleep(for: ParkWatch.look)
        }
    }
}
