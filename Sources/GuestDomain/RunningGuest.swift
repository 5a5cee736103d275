import Glibc
import Libvirt
import Linux

/// What happens to a guest.
package enum GuestEvent: Sendable, Equatable {
    case started
    /// QEMU stopped it; `isForError` when a read or write of its disk failed, and will be repeated when it goes on.
    case paused(isForError: Bool)
    case resumed
    /// It is gone; `hasFailed` when QEMU ended by itself.
    case stopped(hasFailed: Bool)
    case crashed
}

/// A started guest. It ends with the connection it was started over.
package final class RunningGuest: Sendable {
    /// Until the guest is gone.
    package let events: AsyncStream<GuestEvent>
    private let connection: HypervisorConnection
    private let domain: LibvirtDomain

    private init(connection: HypervisorConnection, domain: LibvirtDomain, events: AsyncStream<GuestEvent>) {
        self.connection = connection
        self.domain = domain
        self.events = events
    }

    /// Starts a guest; returns when QEMU runs.
    /// - Throws: ``GuestDomainError``.
    package static func start(
        _ specification: GuestSpecification, on connection: HypervisorConnection
    ) async throws -> RunningGuest {
        if specification.firmware == .uefi, access(UEFIFirmware.code, R_OK) != 0 { throw GuestDomainError.noFirmware }
        return try await WorkerThread.run(name: "guest start") {
            do throws(LibvirtError) {
                // Registered first: nothing that happens at the start is missed.
                let lifecycle = try connection.connection.events(ofDomainNamed: specification.name)
                let domain = try connection.connection.createTransient(xml: DomainXML.render(specification))
                return RunningGuest(connection: connection, domain: domain, events: translate(lifecycle))
            } catch {
                throw GuestDomainError.startFailed(cause: error)
            }
        }
    }

    private static func translate(_ lifecycle: AsyncStream<LibvirtEvent>) -> AsyncStream<GuestEvent> {
        AsyncStream { continuation in
            let relay = Task {
                for await event in lifecycle {
                    switch event {
                    case .started: continuation.yield(.started)
                    case .resumed: continuation.yield(.resumed)
                    case .suspended(let isForError): continuation.yield(.paused(isForError: isForError))
                    case .crashed: continuation.yield(.crashed)
                    case .stopped(let hasFailed):
                        continuation.yield(.stopped(hasFailed: hasFailed))
                        continuation.finish()
                        return
                    case .shutdown, .other: break
                    }
                }
                // The connection broke: the guest ends with it.
                continuation.yield(.stopped(hasFailed: true))
                continuation.finish()
            }
            continuation.onTermination = { _ in relay.cancel() }
        }
    }

    /// Whether the guest still exists.
    package func isActive() async -> Bool {
        let domain = domain
        let state = try? await WorkerThread.run(name: "guest state") { try domain.state() }
        return state != nil && state != .off
    }

    /// Pauses the guest. No read of its disk may be waiting: QEMU would answer only after it.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func suspend() async throws { try await call { (domain) throws(LibvirtError) in try domain.suspend() } }

    /// Lets a paused guest go on; failed reads are repeated.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func resume() async throws { try await call { (domain) throws(LibvirtError) in try domain.resume() } }

    /// Presses the power button.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func shutdown() async throws { try await call { (domain) throws(LibvirtError) in try domain.shutdown() } }

    /// Pulls the plug; nothing happens when the guest is gone already.
    package func destroy() async {
        try? await call { (domain) throws(LibvirtError) in try domain.destroy() }
    }

    /// Presses the power button, and pulls the plug when the guest is still there after a time.
    package func stop(graceful time: Duration) async {
        // A paused guest cannot obey.
        try? await resume()
        try? await shutdown()
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end {
            guard await isActive() else { return }
            try? await Task.sleep(for: .milliseconds(200))
        }
        await destroy()
    }

    private func call(_ body: @escaping @Sendable (LibvirtDomain) throws(LibvirtError) -> Void) async throws {
        let domain = domain
        try await WorkerThread.run(name: "guest call") {
            do throws(LibvirtError) {
                try body(domain)
            } catch {
                throw GuestDomainError.callFailed(cause: error)
            }
        }
    }
}
