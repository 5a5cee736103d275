import Libvirt
import Linux
import Synchronization

// A guest's memory, and all that QEMU knows of its devices, as QEMU writes it for a move to another machine. It goes through a pipe
// that QEMU is given: what is done with the bytes is the caller's matter. The recipe: pause, `migrate`, wait, end the guest; then a paused
// guest with the same devices and `-incoming defer`, `migrate-incoming`, wait, resume.

extension RunningGuest {
    private static let pipeName = "oscircular-memory"
    /// Between two looks at how far QEMU is, in milliseconds: with a saving, which takes seconds, and a loading, for which a user waits.
    private static let look: UInt32 = 40
    private static let quickLook: UInt32 = 5
    /// For QEMU to give up.
    private static let patience: UInt64 = 20_000_000_000

    /// Where this guest's memory comes from when it is saved now.
    /// - Throws: ``GuestDomainError``.
    package func memoryOrigin(_ accelerator: Accelerator) async throws -> MemoryOrigin {
        let domain = domain
        return try await WorkerThread.run(name: "guest origin") {
            try Self.wrap { try Self.origin(domain, accelerator) }
        }
    }

    private static func origin(_ domain: LibvirtDomain, _ accelerator: Accelerator) throws -> MemoryOrigin {
        let version = try QEMUMonitor(domain: domain).version()
        guard let origin = MemoryOrigin(emulator: version, xml: try domain.xml(), accelerator: accelerator) else {
            throw GuestDomainError.memoryNotSaved(reason: "libvirt's description of the guest is not understood")
        }
        return origin
    }

    /// Saves the memory of a guest that is paused. Whether that succeeds or not, it is paused afterwards and can be resumed.
    /// - Parameters:
    ///   - take: reads the pipe to its end, on a thread of its own.
    ///   - isCancelled: asked many times a second.
    /// - Throws: ``GuestDomainError``; `CancellationError`; what `take` throws.
    package func saveMemory(
        _ take: @escaping @Sendable (FileHandle) throws -> Void, isCancelled: @escaping @Sendable () -> Bool
    ) async throws {
        let domain = domain
        try await WorkerThread.run(name: "guest save") {
            try Self.wrap {
                let monitor = QEMUMonitor(domain: domain)
                try monitor.removeRateLimit()
                let reading = try Self.begin(monitor)
                let taken = Monitor<Result<Void, any Error>?>(nil)
                do {
                    try WorkerThread.start(name: "guest memory") {
                        let result = Result { try reading.use(take) }
                        // A QEMU that still writes hears of it.
                        reading.drop()
                        taken.change { $0 = result }
                    }
                } catch {
                    reading.drop()
                    Self.giveUp(monitor)
                    throw error
                }
                try Self.follow(monitor, taken, isCancelled)
            }
        }
    }

    /// Gives QEMU one end of a pipe, and has it begin.
    private static func begin(_ monitor: QEMUMonitor) throws -> HeldFile {
        let pipe = try Pipe()
        defer { withExtendedLifetime(pipe) {} }
        try monitor.give(pipe.writing, as: pipeName)
        try monitor.save(to: pipeName)
        return HeldFile(pipe.reading)
    }

    private static func follow(
        _ monitor: QEMUMonitor, _ taken: Monitor<Result<Void, any Error>?>, _ isCancelled: () -> Bool
    ) throws {
        while true {
            if isCancelled() {
                giveUp(monitor)
                throw CancellationError()
            }
            if case .failure(let error)? = taken.change({ $0 }) {
                giveUp(monitor)
                throw error
            }
            switch try monitor.migration() {
            case .active: MonotonicClock.pause(milliseconds: look)
            case .completed:
                let end = MonotonicClock.nanoseconds + patience
                guard let result = taken.wait(until: { _ in end }, { $0 }) else {
                    throw GuestDomainError.memoryNotSaved(reason: "QEMU does not end what it writes")
                }
                return try result.get()
            case .cancelled: throw GuestDomainError.memoryNotSaved(reason: "something else cancelled it")
            case .failed(let reason):
                // What could not be written is why QEMU failed.
                let end = MonotonicClock.nanoseconds + 1_000_000_000
                if case .failure(let error)? = taken.wait(until: { _ in end }, { $0 }) { throw error }
                throw GuestDomainError.memoryNotSaved(reason: reason ?? "QEMU did not say why")
            }
        }
    }

    /// Has QEMU end what it does, and waits until it can be resumed.
    private static func giveUp(_ monitor: QEMUMonitor) {
        // A guest that has ended, or is done, needs none.
        try? monitor.cancel()
        let end = MonotonicClock.nanoseconds + patience
        // As above.
        while (try? monitor.migration()) == .active, MonotonicClock.nanoseconds < end {
            MonotonicClock.pause(milliseconds: look)
        }
    }

    /// Starts a guest that goes on from a saved memory, and returns when it runs. What was made for it is removed when it does not, and no event
    /// of it is to come any more.
    /// - Parameters:
    ///   - specification: as at the save, but for names and places of files; ``GuestSpecification/awaitsMemory`` is set here.
    ///   - origin: of the memory.
    ///   - feed: writes the memory into a pipe, on a thread of its own.
    ///   - commit: called when all of it was read and is right, and the guest has not run: afterwards it may.
    /// - Returns: the guest, and what its user should know.
    /// - Throws: ``GuestDomainError``: ``GuestDomainError/memoryMisfit(reason:)`` where it does not fit; what `feed` and `commit` throw.
    package static func resume(
        _ specification: GuestSpecification, on connection: HypervisorConnection, from origin: MemoryOrigin,
        feed: @escaping @Sendable (FileHandle) throws -> Void, commit: @escaping @Sendable () throws -> Void
    ) async throws -> (guest: RunningGuest, note: String?) {
        var waiting = specification
        (waiting.machineType, waiting.awaitsMemory) = (origin.machine, true)
        let guest: RunningGuest
        do {
            guest = try await start(waiting, on: connection, isPaused: true)
        } catch GuestDomainError.startFailed(let cause) where cause.message.contains(origin.machine) {
            throw GuestDomainError.memoryMisfit(
                reason: "it was saved on QEMU's machine \(origin.machine), which this QEMU does not have")
        }
        do {
            let (domain, files, accelerator) = (guest.domain, guest.files, specification.accelerator)
            let note = try await WorkerThread.run(name: "guest load") {
                try wrap {
                    // At the save it was there.
                    if let home = specification.pluggedHome { try domain.attach(xml: DomainXML.home(home)) }
                    let now = try Self.origin(domain, accelerator)
                    if let reason = origin.misfit(now) { throw GuestDomainError.memoryMisfit(reason: reason) }
                    try load(QEMUMonitor(domain: domain), files, feed)
                    try commit()
                    return origin.note(now)
                }
            }
            try await guest.resume()
            return (guest, note)
        } catch {
            await guest.vanish()
            throw error
        }
    }

    private static func load(
        _ monitor: QEMUMonitor, _ files: GuestFiles, _ feed: @escaping @Sendable (FileHandle) throws -> Void
    ) throws {
        let fed = Monitor<Result<Void, any Error>?>(nil)
        let writing = try give(monitor)
        try WorkerThread.start(name: "guest memory") {
            let result = Result { try writing.use(feed) }
            writing.drop()
            fed.change { $0 = result }
        }
        // A pipe whose reader is gone, as QEMU's is that has given up, ends the thread.
        do {
            try monitor.load(from: pipeName)
            while true {
                if case .failure(let error)? = fed.change({ $0 }), !isBrokenPipe(error) { throw error }
                switch try monitor.migration() {
                case .active: MonotonicClock.pause(milliseconds: quickLook)
                case .completed:
                    let end = MonotonicClock.nanoseconds + patience
                    guard let result = fed.wait(until: { _ in end }, { $0 }) else {
                        throw GuestDomainError.memoryMisfit(reason: "QEMU has not read all of it")
                    }
                    return try result.get()
                case .cancelled: throw GuestDomainError.memoryMisfit(reason: "something else cancelled it")
                case .failed(let reason):
                    throw GuestDomainError.memoryMisfit(reason: reason ?? files.lastWords ?? "QEMU did not say why")
                }
            }
        } catch let error as LibvirtError {
            // What could not be read is why QEMU ended; else what it wrote last.
            let end = MonotonicClock.nanoseconds + 300_000_000
            if case .failure(let cause)? = fed.wait(until: { _ in end }, { $0 }), !isBrokenPipe(cause) { throw cause }
            throw GuestDomainError.memoryMisfit(reason: files.lastWords ?? error.message)
        }
    }

    /// QEMU has given up, and says why itself.
    private static func isBrokenPipe(_ error: any Error) -> Bool { (error as? SystemCallError)?.number == .brokenPipe }

    private static func give(_ monitor: QEMUMonitor) throws -> HeldFile {
        let pipe = try Pipe()
        defer { withExtendedLifetime(pipe) {} }
        try monitor.give(pipe.reading, as: pipeName)
        return HeldFile(pipe.writing)
    }

    private static func wrap<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as LibvirtError {
            throw GuestDomainError.callFailed(cause: error)
        }
    }
}

/// An open file that its user closes when it is done with it.
private final class HeldFile: Sendable {
    private let file: Mutex<FileHandle?>

    init(_ file: FileHandle) { self.file = Mutex(file) }

    func use(_ body: (FileHandle) throws -> Void) throws {
        guard let file = file.withLock({ $0 }) else { return }
        try body(file)
    }

    func drop() { file.withLock { $0 = nil } }
}
