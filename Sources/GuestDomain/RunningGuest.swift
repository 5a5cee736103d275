import Libvirt
import Linux
import Synchronization

// How a guest runs. `HypervisorConnection` opens libvirt, finds the user that QEMU runs as, and decides between hardware and emulation;
// `Overlay` makes the file for what the guest writes; `GuestConsole` listens for its serial port. Then `RunningGuest.start` makes what the
// guest needs beside the caller's files (`GuestFiles`), describes it (`DomainXML`) and has libvirt start it. From there on libvirt's events say
// what happens to it, and the caller decides: a failed read pauses a guest, it does not end it.

/// A started guest. It ends with the connection it was started over.
package final class RunningGuest: Sendable {
    /// Until the guest is gone. One consumer.
    package let events: AsyncStream<GuestEvent>
    private let name: String
    private let connection: HypervisorConnection
    let domain: LibvirtDomain
    let files: GuestFiles
    private let failure: Failure

    /// Whether the guest ended by itself and not as it should.
    private final class Failure: Sendable {
        let isSeen = Atomic(false)
    }

    /// Between two presses of the power button: a guest that boots still does not see the first.
    private static let pressInterval = Duration.seconds(5)

    private init(
        name: String, connection: HypervisorConnection, domain: LibvirtDomain, events: AsyncStream<GuestEvent>,
        files: GuestFiles, failure: Failure
    ) {
        self.name = name
        self.connection = connection
        self.domain = domain
        self.events = events
        self.files = files
        self.failure = failure
    }

    /// Starts a guest; returns when QEMU runs. What was made for it is removed when it does not start.
    /// - Parameter isPaused: it does not run before it is resumed.
    /// - Throws: ``GuestDomainError``.
    package static func start(
        _ specification: GuestSpecification, on connection: HypervisorConnection, isPaused: Bool = false
    ) async throws -> RunningGuest {
        let firmware = specification.architecture.firmware
        if specification.firmware == .uefi, !firmware.isInstalled {
            throw GuestDomainError.noFirmware(package: firmware.package)
        }
        return try await WorkerThread.run(name: "guest start") {
            let files = GuestFiles(specification)
            do {
                let own = connection.identity(of: specification)
                try files.prepare(for: own ?? connection.identity)
                // Asked for first: nothing that happens at the start is missed.
                // The end of another guest that had its name is none of this one's news.
                let lifecycle = connection.connection.events(
                    ofDomainNamed: specification.name, uuid: specification.uuid)
                let xml = DomainXML.render(
                    specification, labelsFiles: connection.identity != nil, identity: own)
                // What is plugged in before its first instruction its firmware finds like all the rest.
                // A guest that goes on was saved without it.
                let share =
                    specification.share?.kind == .virtiofs && !specification.awaitsMemory ? specification.share : nil
                let domain = try withProcessor(specification, own) { () throws(LibvirtError) in
                    try connection.connection.createTransient(xml: xml, isPaused: isPaused || share != nil)
                }
                do throws(SystemCallError) { try files.closeScreen() } catch {
                    // Why its screen is open to others is what counts.
                    try? domain.destroy()
                    throw error
                }
                if let share { try begin(domain, with: share) }
                let failure = Failure()
                return RunningGuest(
                    name: specification.name, connection: connection, domain: domain,
                    events: translate(lifecycle, failure, isBegunPaused: share != nil), files: files, failure: failure)
            } catch let error as LibvirtError {
                files.remove()
                throw GuestDomainError.startFailed(cause: error)
            } catch let error as SystemCallError {
                files.remove()
                throw GuestDomainError.system(error)
            }
        }
    }

    /// Plugs a folder in, and lets the guest begin. Without it the guest is ended.
    private static func begin(_ domain: LibvirtDomain, with share: GuestShare) throws(LibvirtError) {
        do throws(LibvirtError) {
            for (command, call) in share.plugging { try QEMUMonitor(domain: domain).order(json: command, call) }
            try domain.resume()
        } catch {
            // It ends with the connection all the same; and the first error is the one to report.
            try? domain.destroy()
            throw error
        }
    }

    /// Lets a guest's own user open the processor's device for as long as the body takes.
    private static func withProcessor(
        _ guest: GuestSpecification, _ own: EmulatorIdentity?, _ body: () throws(LibvirtError) -> LibvirtDomain
    ) throws(LibvirtError) -> LibvirtDomain {
        guard let own, guest.accelerator == .kvm else { return try body() }
        let device = ProcessorAccess()
        device.open(to: own.user)
        // What QEMU has opened stays open.
        defer { device.close(to: own.user) }
        return try body()
    }

    /// - Parameter isBegunPaused: that it waited before its first instruction is nobody's news.
    private static func translate(
        _ lifecycle: AsyncStream<LibvirtEvent>, _ failure: Failure, isBegunPaused: Bool
    ) -> AsyncStream<GuestEvent> {
        AsyncStream { continuation in
            let relay = Task {
                var isWaiting = isBegunPaused
                for await news in lifecycle {
                    if isWaiting, news == .suspended(isForError: false) || news == .resumed {
                        isWaiting = news != .resumed
                        continue
                    }
                    guard let event = GuestEvent(news) else { continue }
                    if event == .crashed || event == .stopped(hasFailed: true) {
                        failure.isSeen.store(true, ordering: .relaxed)
                    }
                    continuation.yield(event)
                    if case .stopped = event { break }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in relay.cancel() }
        }
    }

    /// Asks libvirt; does not wait for QEMU.
    package func state() async -> GuestState {
        let domain = domain
        do {
            return try await WorkerThread.run(name: "guest state") { GuestState { try domain.state() } }
        } catch {
            // No thread to ask with.
            return .unknown
        }
    }

    /// Seconds of CPU that it has used; nil when libvirt does not say. Does not wait for QEMU.
    package func cpuSeconds() async -> Double? {
        let domain = domain
        // The doc comment says what nil means.
        return try? await WorkerThread.run(name: "guest cpu") { try domain.cpuSeconds() }
    }

    /// Whether the guest still exists, as far as one can tell.
    package func isActive() async -> Bool { await state() != .off }

    /// Pauses the guest. No read of its disk may be waiting: QEMU would answer only after it.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func suspend() async throws { try await call { (domain) throws(LibvirtError) in try domain.suspend() } }

    /// Lets a paused guest go on; failed reads are repeated.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func resume() async throws { try await call { (domain) throws(LibvirtError) in try domain.resume() } }

    /// Pulls the network's cable or puts it in: a guest asks for its address again when it comes back.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func setLink(isUp: Bool) async throws {
        try await call { (domain) throws(LibvirtError) in try domain.setLink(DomainXML.networkName, isUp: isUp) }
    }

    /// Plugs in the disk that is its user's home; the guest has to mount it.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func plug(_ home: GuestHome) async throws {
        try await call { (domain) throws(LibvirtError) in try domain.attach(xml: DomainXML.home(home)) }
    }

    /// Plugs a folder in that a server serves; the guest has to mount it.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func plug(_ share: GuestShare) async throws {
        try await call { (domain) throws(LibvirtError) in
            for (command, call) in share.plugging { try QEMUMonitor(domain: domain).order(json: command, call) }
        }
    }

    /// Takes a folder that was plugged in away from the guest, which must not have it mounted: its kernel has to let it go.
    /// - Parameter time: how long the guest has for that.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``, also where the guest keeps it.
    package func unplugShare(within time: Duration) async throws {
        let end = ContinuousClock.now + time
        try await call { (domain) throws(LibvirtError) in
            let (monitor, call) = (QEMUMonitor(domain: domain), "unplug the folder")
            var nextTry = ContinuousClock.now
            while true {
                // QEMU has no word for "not there" that could be told from a failure.
                do throws(LibvirtError) { try monitor.order(json: GuestShare.question, call) } catch
                    where error.code == 0
                {
                    break
                }
                guard ContinuousClock.now < end else {
                    throw LibvirtError(code: 0, domain: 0, message: "the guest's kernel did not let it go", call: call)
                }
                if ContinuousClock.now >= nextTry {
                    nextTry += .seconds(5)
                    do throws(LibvirtError) { try monitor.order(json: GuestShare.unplug, call) } catch
                        where error.code == 0
                    {
                        // It is on its way already.
                    }
                }
                MonotonicClock.pause(milliseconds: 100)
            }
            try monitor.order(json: GuestShare.disconnect, call)
        }
    }

    /// Presses the power button.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``.
    package func shutdown() async throws { try await call { (domain) throws(LibvirtError) in try domain.shutdown() } }

    /// Pulls the plug and removes what was made for the guest. When it returns without an error the guest is gone; it is
    /// none when it was gone already.
    /// - Throws: ``GuestDomainError/callFailed(cause:)`` when libvirt could not end QEMU.
    package func end() async throws {
        let (domain, connection, name, files, failure) = (domain, connection, name, files, failure)
        try await WorkerThread.run(name: "guest end") {
            do throws(LibvirtError) {
                do throws(LibvirtError) {
                    try domain.destroy()
                } catch  where !error.isNoDomain && !connection.connection.isAlive {
                    // The daemon died or was restarted; QEMU may have outlived it.
                    try LibvirtConnection(uri: connection.uri).domain(named: name).destroy()
                }
            } catch  where !error.isNoDomain {
                throw GuestDomainError.callFailed(cause: error)
            } catch {}
            files.remove()
            if !failure.isSeen.load(ordering: .relaxed) { files.removeEmulatorLog() }
        }
    }

    /// As ``end()``, for callers that can do nothing about a failure.
    package func destroy() async { try? await end() }

    /// As ``destroy()``, and hears the last event of it, for a second at most: another guest of the same name is to follow. Whoever calls it has
    /// listened to no events.
    package func vanish() async {
        await destroy()
        let hearing = Task { [events] in for await _ in events {} }
        let limit = Task {
            try await Task.sleep(for: .seconds(1))
            hearing.cancel()
        }
        await hearing.value
        limit.cancel()
    }

    /// Presses the power button, and pulls the plug when the guest is still there after a time.
    package func stop(graceful time: Duration) async {
        let end = ContinuousClock.now + time
        var nextPress = ContinuousClock.now
        while ContinuousClock.now < end, await isActive() {
            if ContinuousClock.now >= nextPress {
                nextPress += RunningGuest.pressInterval
                // Not waited for: QEMU answers neither while a read of its disk waits. A paused guest cannot obey.
                Task {
                    // What fails now is tried again with the next press; in the end the plug is pulled.
                    if case .paused = await state() { try? await resume() }
                    try? await shutdown()  // As above.
                }
            }
            // A cancelled sleep is what the next line asks about.
            try? await Task.sleep(for: .milliseconds(100))
            if Task.isCancelled { break }
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
