import GuestNetwork
import Linux
import Synchronization
import Vendors

/// The published ports of a session's guest: taken before the guest starts, changed while it runs.
final class SessionPorts: Sendable {
    private struct State {
        weak var network: GuestNetwork?
        /// What is asked about before ports are published; nil where nothing is.
        var unverified: UnverifiedBoot?
    }

    private let state = Mutex(State())

    /// Takes the ports that a request asks for.
    /// - Returns: the ports; and what the user is told of those of a suspended guest that cannot be taken now: it goes on without them.
    /// - Throws: ``PortError``.
    static func bind(_ request: BootRequest) throws -> (bound: [BoundPort], notes: [String]) {
        let asked = request.publish ?? []
        guard request.resumes != nil else {
            return (try BoundPort.all(try asked.map { (text) throws(PortError) in try PublishedPort(text) }), [])
        }
        var (bound, notes): ([BoundPort], [String]) = ([], [])
        for text in asked.prefix(PublishedPort.limit) {
            do throws(PortError) {
                bound.append(try BoundPort(try PublishedPort(text)))
            } catch {
                notes.append(missing(text, error))
            }
        }
        return (bound, notes)
    }

    static func missing(_ port: String, _ error: PortError) -> String {
        "port \(port) is not published: \(error); 'oscircular ports add' does so later"
    }

    func note(unverified: UnverifiedBoot?) { state.withLock { $0.unverified = unverified } }
    func open(_ network: GuestNetwork) { state.withLock { $0.network = network } }

    var network: GuestNetwork? { state.withLock { $0.network } }
    var unverified: UnverifiedBoot? { state.withLock { $0.unverified } }

    /// As ``PublishedPort`` writes them, in the order in which they came; nil for none.
    var published: [String]? {
        let all = (network?.published ?? []).map(\.description)
        return all.isEmpty ? nil : all
    }
}

extension SessionRun {
    /// Takes the ports of this host that are asked for.
    /// - Throws: ``PortError``.
    func bindPorts() async throws -> [BoundPort] {
        let (bound, missing) = try await WorkerThread.run(name: "ports") { [request] in try SessionPorts.bind(request) }
        for text in missing { tell(missing: text) }
        return bound
    }

    private func tell(missing text: String) {
        note("warning: \(text)\n")
        notes.withLock { $0.append(text) }
    }

    /// Whether ports of this version may be published before all of it is verified.
    /// - Throws: ``BootError/publishesUnverified(_:)``.
    func checkMayPublish(_ version: SessionImage) throws(BootError) {
        guard let file = version.image.file, state.snapshot.verified == false else { return }
        let boot = UnverifiedBoot(VersionKey(version.chosen), level: file.source.trust, least: .pieces)
        guard request.publishesUnverified != true, request.allowUnverified != true else { return }
        ports.note(unverified: boot)
        // Those of a suspended guest were allowed before.
        if request.resumes == nil, request.publish?.isEmpty == false { throw .publishesUnverified(boot) }
    }

    /// Publishes what was taken at the start.
    /// - Throws: ``PortError``.
    func openPorts(_ bound: [BoundPort], of network: GuestNetwork) throws {
        ports.open(network)
        guard !bound.isEmpty else { return }
        if request.resumes == nil {
            try network.publish(bound)
        } else {
            for entry in bound {
                do throws(PortError) { try network.publish([entry]) } catch {
                    tell(missing: SessionPorts.missing(entry.port.description, error))
                }
            }
        }
        showPorts(of: network)
        for port in network.published { note("published: \(port)\n") }
    }

    private func showPorts(of network: GuestNetwork) {
        let shown = network.published.map { SessionStatus.Port($0) }
        update { $0.ports = shown.isEmpty ? nil : shown }
    }

    /// Publishes ports of a guest that runs, or takes them back.
    func changePorts(_ order: ControlRequest) -> ControlResponse {
        let status = state.snapshot
        guard status.phase == .up, ![.stopping, .suspending, .suspended].contains(status.state),
            let network = ports.network
        else {
            let word = status.phase == .up ? status.state.rawValue : "starting"
            return ControlResponse(
                status: status, refusal: "the guest is \(word): its ports can be changed while it runs")
        }
        do {
            let wanted = try (order.ports ?? []).map { (text) throws(PortError) in try PublishedPort(text) }
            if order.command == .publish {
                if request.network == "none", order.allowsIsolated != true {
                    let refusal =
                        "the guest was started with --network none, and a published port lets others in: 'oscircular ports add --isolated' "
                        + "publishes it all the same"
                    return ControlResponse(status: status, refusal: refusal)
                }
                // The file may have been verified meanwhile.
                if status.verified == false, order.allowsUnverified != true, let boot = ports.unverified {
                    var response = ControlResponse(status: status)
                    response.unverified = boot
                    return response
                }
                let known = network.published
                for port in wanted
                where known.contains(where: { $0.address == port.address && $0.transport == port.transport }) {
                    throw PortError.twice(port)
                }
                try network.publish(BoundPort.all(wanted))
            } else {
                for port in wanted where !network.published.contains(port) { throw PortError.notPublished(port) }
                for port in wanted { try network.withdraw(port) }
            }
        } catch {
            return ControlResponse(status: status, refusal: describe(error))
        }
        showPorts(of: network)
        let word = order.command == .publish ? "published" : "not published any more"
        for text in order.ports ?? [] { note("\(word): \(text)\n") }
        return ControlResponse(status: state.snapshot)
    }
}

extension BootRequest {
    /// The ports that a boot publishes: those that were asked for with it, else those that are set for the system.
    /// - Parameters:
    ///   - asked: an empty text alone stands for none, where some are set.
    ///   - isNetworkAsked: whether `network` was asked for with the boot, too.
    /// - Returns: the ports, and what the user is told where some that are set are left out.
    /// - Throws: ``BootError/isolatedPorts``; ``PortError``.
    package static func ports(
        asked: [String], set: [String]?, network: String, isNetworkAsked: Bool
    ) throws -> (publish: [String]?, note: String?) {
        let isAsked = !asked.isEmpty
        let wanted = isAsked ? asked.filter { !$0.isEmpty } : set ?? []
        guard !wanted.isEmpty else { return (nil, nil) }
        // A port that cannot be one is said before anything begins.
        for text in wanted { _ = try PublishedPort(text) }
        guard network == "none" else { return (wanted, nil) }
        if isAsked {
            guard isNetworkAsked else { throw BootError.isolatedPorts }
            return (wanted, nil)
        }
        return (nil, "the ports that are set for this system are not published: its network is none")
    }
}

extension SessionStatus.Port {
    init(_ port: PublishedPort) {
        self.init(
            address: port.address.host, port: port.address.port, guestPort: port.guestPort,
            protocol: port.transport.rawValue)
    }

    /// As `--publish` takes it; nil for what that does not take.
    package init?(argument: String) {
        // Who wants to know what is wrong with it asks ``SystemSettings/set(_:to:)``.
        guard let port = try? PublishedPort(argument) else { return nil }
        self.init(port)
    }

    /// As `--publish` takes it, as short as it goes.
    package var argument: String {
        let host = address == "127.0.0.1" ? "" : address.contains(":") ? "[\(address)]:" : "\(address):"
        return "\(host)\(port):\(guestPort)\(`protocol` == "udp" ? "/udp" : "")"
    }
}
