import ImageMount
import Linux

/// Gives memory back that a process took while somebody read much of its image: a value that is asked now and then.
package struct IdleMemory {
    private var reads = 0
    private var isDone = false

    /// What is to be done.
    enum Step: Equatable {
        case nothing
        /// What is free already goes back.
        case giveBack
        /// So does what is held for reads that do not come.
        case forget
    }

    /// - Parameter now: reads of the image so far.
    mutating func look(reads now: Int) -> Step {
        defer { reads = now }
        if now != reads {
            isDone = false
            return .giveBack
        }
        defer { isDone = true }
        return isDone ? .nothing : .forget
    }

    /// Looks once a minute, until the task is cancelled: for an image that no guest reads.
    package static func follow(_ image: MountedImage) -> Task<Void, any Error> {
        Task {
            var memory = IdleMemory()
            while true {
                try await Task.sleep(for: .seconds(60))
                memory.look(at: image)
            }
        }
    }

    /// Does it, on a thread of its own. Returns at once.
    mutating func look(at image: MountedImage) {
        let step = look(reads: image.reader.statistics.reads)
        guard step != .nothing else { return }
        // Without a thread it is done another time.
        try? WorkerThread.start(name: "memory") {
            if step == .forget { image.forgetHeld() }
            HeapMemory.giveBack()
        }
    }
}
