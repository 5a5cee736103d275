import Libvirt
import Linux

/// libvirt, as this session uses it. Closing it ends the guests that were started over it.
package final class HypervisorConnection: Sendable {
    package let uri: String
    let connection: LibvirtConnection
    /// Nil when libvirt has no DAC model: then QEMU runs as the user of the daemon, and a label in the domain's
    /// description is refused.
    let identity: EmulatorIdentity?

    private init(uri: String, connection: LibvirtConnection, identity: EmulatorIdentity?) {
        self.uri = uri
        self.connection = connection
        self.identity = identity
    }

    /// A user's own daemon, which starts by itself; the machine's for root, so that QEMU never runs as root.
    package static var defaultURI: String { CurrentUser.isRoot ? "qemu:///system" : "qemu:///session" }

    /// - Throws: ``GuestDomainError/noDaemon(uri:cause:)``, ``GuestDomainError/emulatorIsRoot(uri:)``.
    package static func open(_ uri: String) async throws -> HypervisorConnection {
        // Before the call, which would start root's own daemon.
        if CurrentUser.isRoot, isSession(uri) { throw GuestDomainError.emulatorIsRoot(uri: uri) }
        return try await WorkerThread.run(name: "libvirt open") {
            let (connection, identity): (LibvirtConnection, EmulatorIdentity?)
            do throws(LibvirtError) {
                connection = try connect(uri)
                identity = EmulatorIdentity(capabilities: try connection.capabilities())
            } catch {
                throw GuestDomainError.noDaemon(uri: uri, cause: error)
            }
            if isEmulatorRoot(uri: uri, identity: identity, ownUser: CurrentUser.id) {
                throw GuestDomainError.emulatorIsRoot(uri: uri)
            }
            return HypervisorConnection(uri: uri, connection: connection, identity: identity)
        }
    }

    /// What a user's own daemon has for its start.
    private static let daemonStart = Duration.seconds(20)

    /// libvirt starts a user's own daemon and waits five seconds for it (500 looks in virNetSocketNewConnectUNIX). On a slow machine its
    /// first start takes longer. What fails sooner would not succeed later.
    private static func connect(_ uri: String) throws(LibvirtError) -> LibvirtConnection {
        let clock = ContinuousClock()
        let begun = clock.now
        while true {
            let attempt = clock.now
            do throws(LibvirtError) {
                return try LibvirtConnection(uri: uri)
            } catch {
                guard isSession(uri), attempt.duration(to: clock.now) > .seconds(4),
                    begun.duration(to: clock.now) < daemonStart
                else { throw error }
            }
        }
    }

    /// Whether QEMU would run as root: it is the user that libvirt names, or else the daemon's own.
    static func isEmulatorRoot(uri: String, identity: EmulatorIdentity?, ownUser: UserID) -> Bool {
        guard uri.hasPrefix("qemu") else { return false }
        return identity.map { $0.user == 0 } ?? (ownUser == 0)
    }

    /// Whether a URI means the daemon of the user who asks.
    static func isSession(_ uri: String) -> Bool {
        uri.hasPrefix("qemu") && uri.prefix { $0 != "?" && $0 != "#" }.hasSuffix("/session")
    }

    /// Decides between hardware and emulation, and checks that libvirt has the emulator.
    /// - Throws: ``GuestDomainError/noHardwareVirtualization(reason:)``, ``GuestDomainError/noEmulator(uri:)``,
    ///   ``GuestDomainError/noForeignEmulator(_:packages:)``.
    package func accelerator(
        _ choice: AcceleratorChoice, for architecture: GuestArchitecture
    ) async throws -> (accelerator: Accelerator, reason: String) {
        let connection = connection
        let uri = uri
        return try await WorkerThread.run(name: "libvirt probe") {
            if !architecture.isHost {
                if choice == .kvm {
                    throw GuestDomainError.noHardwareVirtualization(
                        reason: "the guest needs a processor of the kind \(architecture.rawValue)")
                }
                let isOffered = connection.supports(.tcg, architecture)
                // One that is installed and not offered is no package to install.
                let packages = Emulators.packages(
                    architecture, hasEmulator: isOffered || ProgramPath.find(architecture.emulator) != nil)
                guard isOffered, packages.isEmpty else {
                    throw GuestDomainError.noForeignEmulator(architecture, packages: packages)
                }
                return (.tcg, "emulation of another processor (slow)")
            }
            let probed = choice.probe()
            if choice == .kvm, let obstacle = choice.obstacle() {
                throw GuestDomainError.noHardwareVirtualization(reason: obstacle)
            }
            if probed.accelerator == .kvm {
                if connection.supports(.kvm, architecture) { return probed }
                if choice == .kvm {
                    throw GuestDomainError.noHardwareVirtualization(reason: "libvirt does not offer it")
                }
            }
            guard connection.supports(.tcg, architecture) else { throw GuestDomainError.noEmulator(uri: uri) }
            return probed.accelerator == .tcg ? probed : (.tcg, "software emulation (slow): libvirt does not offer KVM")
        }
    }

    /// The QEMU of this machine's own processor; nil where libvirt does not say.
    package func emulatorVersion() async -> MemoryOrigin.EmulatorVersion? {
        let connection = connection
        // The doc comment says what nil means.
        let number = try? await WorkerThread.run(name: "libvirt version") { try connection.emulatorVersion() }
        return number.map { .init(major: $0 / 1_000_000, minor: $0 / 1000 % 1000, micro: $0 % 1000) }
    }

    /// Whom QEMU runs as for a guest that has a user of its own; nil for other guests, and where libvirt has no say in it. The group
    /// is that of libvirt's configuration: it may pass through libvirt's folder. Nothing of a guest is readable to it.
    func identity(of guest: GuestSpecification) -> EmulatorIdentity? {
        guard let user = guest.emulatorUser, let identity else { return nil }
        return EmulatorIdentity(user: user, group: identity.group)
    }

    /// The user that QEMU runs as when that is not ours and the guest has none of its own: it owns the sockets that QEMU connects to.
    package var emulatorUser: UserID? {
        guard let identity, identity.user != CurrentUser.id else { return nil }
        return identity.user
    }
}

extension LibvirtConnection {
    /// Whether libvirt has the emulator.
    func supports(_ accelerator: Accelerator, _ architecture: GuestArchitecture) -> Bool {
        supports(
            domainType: accelerator.domainType, architecture: architecture.rawValue, machine: architecture.machine)
    }
}

/// The user and group that QEMU runs as. Files of the guest are given to it while the guest runs.
package struct EmulatorIdentity: Sendable, Equatable {
    let user: UserID
    let group: GroupID

    init(user: UserID, group: GroupID) {
        self.user = user
        self.group = group
    }

    /// Reads the DAC security model out of libvirt's capabilities.
    /// - Returns: nil when libvirt gives no files away: then QEMU runs as the daemon's user.
    init?(capabilities: String) {
        let models = capabilities.split(separator: "<secmodel>", omittingEmptySubsequences: false).dropFirst()
        guard let model = models.first(where: { $0.text(from: "<model>", to: "</model>") == "dac" }),
            let label = model.text(from: "<baselabel type='qemu'>", to: "</baselabel>")
                ?? model.text(from: "<baselabel type='kvm'>", to: "</baselabel>")
        else { return nil }
        // "+64055:+107": the plus says that these are numbers, not names.
        let parts = label.split(separator: ":").map { $0.hasPrefix("+") ? $0.dropFirst() : $0 }
        guard parts.count == 2, let user = UserID(parts[0]), let group = GroupID(parts[1]) else { return nil }
        self.user = user
        self.group = group
    }
}

extension Substring {
    /// What stands between the first `start` and the next `end`.
    fileprivate func text(from start: String, to end: String) -> String? {
        let pieces = split(separator: start, maxSplits: 1, omittingEmptySubsequences: false)
        guard pieces.count == 2 else { return nil }
        let rest = pieces[1].split(separator: end, maxSplits: 1, omittingEmptySubsequences: false)
        return rest.count == 2 ? String(rest[0]) : nil
    }
}
