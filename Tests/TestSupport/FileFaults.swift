import FoundationEssentials
import Glibc
import Linux
import Synchronization

/// One run of what must stand any failing file call.
package protocol FaultTrial: Sendable {
    /// Only calls below it fail.
    var folder: String { get }
    /// What is tried, on files of its own. Throws, or reports otherwise, what failed.
    func run() async throws
    /// Whether `run` may go on without a word when this call fails: cleaning up, what is asked again anyway.
    func isTolerable(_ fault: FileFaults.Injected) -> Bool
    /// Throws unless nothing is lost, whatever came of `run`, and `run` without faults works then and leaves nothing half made.
    func check(_ outcome: FileFaults.Outcome) async throws
}

/// Makes file calls fail in the manner of SQLite's tests: the n-th one, for every n, until a run makes fewer.
///
/// Tests run one after the other (`--no-parallel`): the faults are the process's.
package enum FileFaults {
    /// Which calls fail.
    package enum Manner: String, CaseIterable, Sendable {
        /// The n-th call alone: what passes.
        case once
        /// The n-th and all after it: a disk that is gone.
        case lasting
        /// The n-th write takes half of its bytes.
        case short
        /// The same, and the next write finds the disk full.
        case full
    }

    package struct Injected: Sendable, CustomStringConvertible {
        package let call: String
        package let path: String
        package let fault: FileCalls.Fault

        package var description: String { "\(call) \(path): \(fault)" }
    }

    /// What came of one run.
    package struct Outcome: Sendable {
        package let number: Int
        package let manner: Manner
        package let injected: [Injected]
        /// Nil when it went well.
        package let error: (any Error)?
    }

    /// What the watcher notes, on whatever thread.
    private final class Seen: Sendable {
        struct State {
            var calls = 0
            var injected: [Injected] = []
        }

        let state = Mutex(State())
    }

    private static let codes = [EIO, ENOSPC, EMFILE, ESTALE]

    /// What a check found.
    package struct Loss: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// For a check.
    package static func require(_ isRight: Bool, _ description: @autoclosure () -> String) throws {
        if !isRight { throw Loss(description()) }
    }

    /// Tries all calls and prints how many there were.
    /// - Parameter make: a trial with files of its own; the number is different each time.
    /// - Returns: what was wrong.
    package static func tryEvery<Trial: FaultTrial>(
        _ name: String, _ manners: [Manner] = Manner.allCases, _ make: (_ number: Int) throws -> Trial
    ) async throws -> [String] {
        var number = 0
        var problems: [String] = []
        var (calls, injected, reported, tolerated) = (0, 0, 0, 0)
        for manner in manners {
            // A disk that is gone stays so: every fourth call shows it.
            for call in stride(from: 1, to: .max, by: manner == .lasting ? 4 : 1) {
                number += 1
                let trial = try make(number)
                let outcome = await run(trial, manner, call)
                let place = "\(name), call \(call), \(manner), \(outcome.injected.first?.description ?? "no fault")"
                do { try await trial.check(outcome) } catch { problems.append("\(place): \(error)") }
                try Folder.removeTree(trial.folder)
                guard !outcome.injected.isEmpty else {
                    if let error = outcome.error { problems.append("\(place): \(error)") }
                    if manner == .once { calls = call - 1 }
                    break
                }
                injected += outcome.injected.count
                if outcome.error != nil { reported += 1 } else { tolerated += 1 }
                guard outcome.error == nil else { continue }
                for fault in outcome.injected where fault.fault != .short && !trial.isTolerable(fault) {
                    problems.append("\(place): nobody heard of \(fault)")
                }
            }
        }
        print(
            "file faults, \(name): \(calls) calls in a run, \(injected) failures injected in \(number) runs,"
                + " \(reported) runs said so, \(tolerated) went on by design")
        return problems
    }

    private static func run(_ trial: some FaultTrial, _ manner: Manner, _ number: Int) async -> Outcome {
        let below = trial.folder + "/"
        let seen = Seen()
        FileCalls.watch { call, path in
            guard path.hasPrefix(below) || path + "/" == below else { return nil }
            return seen.state.withLock { state in
                if manner == .short || manner == .full, call != "write" { return nil }
                state.calls += 1
                guard let fault = fault(manner, number, state.calls) else { return nil }
                state.injected.append(Injected(call: call, path: path, fault: fault))
                return fault
            }
        }
        defer { FileCalls.watch(nil) }
        var failure: (any Error)?
        do { try await trial.run() } catch { failure = error }
        return Outcome(
            number: number, manner: manner, injected: seen.state.withLock { $0.injected }, error: failure)
    }

    private static func fault(_ manner: Manner, _ number: Int, _ call: Int) -> FileCalls.Fault? {
        switch manner {
        case .once: call == number ? .error(codes[number % codes.count]) : nil
        case .lasting: call >= number ? .error(codes[(number + 2) % codes.count]) : nil
        case .short: call == number ? .short : nil
        case .full: call == number ? .short : call == number + 1 ? .error(ENOSPC) : nil
        }
    }

    /// Where trials lie: in memory where that can be, for each makes and removes dozens of files, some with fsync.
    package static var place: String {
        let memory = "/dev/shm"
        guard (try? Paths.checkWritable(memory)) != nil, let folder = try? Folder(path: memory),
            let space = try? FileSystemSpace(of: folder), space.available > 32 << 20
        else { return "/tmp" }
        return memory
    }

    /// Copies a tree of files, for a trial of its own.
    package static func copy(_ source: String, to target: String) throws {
        try FileManager.default.copyItem(atPath: source, toPath: target)
    }

    /// Names of files below a folder that are half made; `lasting` faults may leave some, which another process would remove.
    package static func halfMade(_ files: [String], after outcome: Outcome) -> [String] {
        files.filter { path in
            path.contains("/.ingest-") || path.hasSuffix(".tmp") && outcome.manner != .lasting
        }
    }
}
