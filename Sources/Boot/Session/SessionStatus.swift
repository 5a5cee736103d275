import Catalog
import GuestDomain

/// One session as scripts and screens see it; the shape of `sessions --json` (DESIGN section 6).
package struct SessionStatus: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        case starting, running, waiting, paused, stopping
        /// Its memory is being saved; it is saved, and nothing of it runs.
        case suspending, suspended
    }

    /// What a guest in the state `waiting` waits for: blocks of its image, space on the host's disk for what it writes, or
    /// that disk itself.
    package enum Wait: String, Codable, Sendable {
        case blocks, space, disk
    }

    /// The stages of a start, in their order.
    package enum Phase: String, Codable, Sendable, CaseIterable, Comparable {
        case catalog, index, mount
        case bootSet = "boot-set"
        case guest, up

        private var place: Int { Phase.allCases.firstIndex(of: self) ?? 0 }

        package static func < (left: Phase, right: Phase) -> Bool { left.place < right.place }
    }

    /// How a guest came to run.
    package enum Start: String, Codable, Sendable {
        /// From its disk.
        case booted
        /// From the memory of a guest that was made ahead.
        case warm
    }

    package var id: String
    package var catalog: String
    package var distribution: String
    package var version: String
    package var state: State
    /// Nil when it does not wait.
    package var waitingFor: Wait?
    package var phase: Phase
    /// Of the session's process.
    package var pid: Int32
    /// RFC 3339, UTC.
    package var started: String
    /// `kvm` or `tcg`; nil until it is known.
    package var accel: String?
    /// The image's file; nil until it is mounted.
    package var mount: String?
    package var consoleLog: String
    /// The guest's name for `oscircular ssh`; nil until there is a network.
    package var sshTarget: String?
    /// Bytes that came over the network, compressed.
    package var bytesFetched: UInt64
    package var bytesFromCache: UInt64
    /// Blocks of the image, and how many of them are stored (holes count as stored).
    package var blocks: Int
    package var blocksHere: Int
    /// Nil where there is no boot set.
    package var bootSet: BootSetProgress?
    /// The boot pack that pages come from whose blocks are not here; nil where none is used.
    package var pack: Pack?
    /// Nil but while a file is fetched or unpacked without which the guest cannot start.
    package var download: Download?
    /// Bytes a second over the last seconds.
    package var rate: UInt64
    package var lastError: String?
    package var domain: Domain?
    /// That its version was withdrawn, and why; nil if it was not. The session itself does not know: the program that lists
    /// sessions fills it in.
    package var withdrawn: String?
    /// What the guest does not get of what its catalog advises; nil if it gets all of it.
    package var lowered: String?
    /// What a catalog's table would change of its system, and that the system is as it was before; nil where nothing waits.
    package var tableNote: String?
    /// Nil while nothing is wrong with it.
    package var network: NetworkTrouble?
    /// How sure a vendor's version is; nil for a catalog's.
    package var trust: TrustLevel?
    /// Whether all that the guest reads of a vendor's version has been verified, or is as it comes; nil for a catalog's.
    package var verified: Bool?
    /// The kind of its processor where that is not this machine's, so that it is always slow; nil for this machine's own.
    package var emulated: String?
    /// The machine that it runs; nil for a guest that is thrown away.
    package var machine: String?
    /// The disk that is its user's home; nil for none.
    package var home: String?
    /// Nil for a guest that sees no folder of the host.
    package var share: Share?
    /// Its published ports; nil for none.
    package var ports: [Port]?
    /// The guest in whose place it was started, since that did not come up; nil for one that somebody asked for.
    package var rolledBackFrom: Rollback?
    /// How its screen is offered: `spice`, or `vnc` where QEMU has no SPICE; nil for none, and before it runs.
    package var screen: GuestScreen.Kind?
    /// Whether guest and desktop have one clipboard; nil means no.
    package var sharesClipboard: Bool?
    /// USB devices of this machine that the guest has; nil for none. Who has one cannot be suspended.
    package var usb: [String]?
    /// How its guest started; nil before that is known, and for one that goes on after it was suspended.
    package var start: Start?
    /// Seconds from the command to an answer on its console; nil before that, and where nobody saw one.
    package var startSeconds: Double?
    /// What the session is for, where that is not a guest of its user's; nil for that.
    package var purpose: BootRequest.Purpose?
    /// Whether the clock of a guest that goes on is still being set; nil means no.
    package var settingClock: Bool?
    /// Nil until it is to be suspended.
    package var suspension: Suspension?
    /// Nil for a guest that is not suspended.
    package var suspended: Suspended?

    package init(
        id: String, catalog: String, distribution: String, version: String, state: State, waitingFor: Wait? = nil,
        phase: Phase, pid: Int32, started: String, accel: String? = nil, mount: String? = nil, consoleLog: String,
        sshTarget: String? = nil, bytesFetched: UInt64 = 0, bytesFromCache: UInt64 = 0, blocks: Int = 0,
        blocksHere: Int = 0, bootSet: BootSetProgress? = nil, rate: UInt64 = 0, lastError: String? = nil,
        domain: Domain? = nil
    ) {
        self.id = id
        self.catalog = catalog
        self.distribution = distribution
        self.version = version
        self.state = state
        self.waitingFor = waitingFor
        self.phase = phase
        self.pid = pid
        self.started = started
        self.accel = accel
        self.mount = mount
        self.consoleLog = consoleLog
        self.sshTarget = sshTarget
        self.bytesFetched = bytesFetched
        self.bytesFromCache = bytesFromCache
        self.blocks = blocks
        self.blocksHere = blocksHere
        self.bootSet = bootSet
        self.rate = rate
        self.lastError = lastError
        self.domain = domain
    }
}

extension SessionStatus {
    /// The version that it runs.
    package var key: VersionKey { VersionKey(catalog: catalog, distribution: distribution, version: version) }

    /// What is not known is null, not absent; but ``withdrawn`` is only there if the version was withdrawn, ``lowered`` if something
    /// was, ``tableNote`` if a change of the table waits, ``network`` if something is wrong with it, ``pack`` where a boot pack is used,
    /// ``download`` while there is one,
    /// ``trust`` and ``verified`` for a vendor's, ``emulated`` for another processor, ``suspension`` and ``suspended`` for a guest that
    /// is or was to be suspended, ``start`` and ``startSeconds`` as soon as they are known, ``purpose`` for what is not its user's guest, ``settingClock`` while it goes on, and ``machine``, ``home``, ``ports``,
    /// ``rolledBackFrom``, ``screen``, ``usb`` and ``sharesClipboard`` where there are any.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(catalog, forKey: .catalog)
        try container.encode(distribution, forKey: .distribution)
        try container.encode(version, forKey: .version)
        try container.encode(state, forKey: .state)
        try container.encode(waitingFor, forKey: .waitingFor)
        try container.encode(phase, forKey: .phase)
        try container.encode(pid, forKey: .pid)
        try container.encode(started, forKey: .started)
        try container.encode(accel, forKey: .accel)
        try container.encode(mount, forKey: .mount)
        try container.encode(consoleLog, forKey: .consoleLog)
        try container.encode(sshTarget, forKey: .sshTarget)
        try container.encode(bytesFetched, forKey: .bytesFetched)
        try container.encode(bytesFromCache, forKey: .bytesFromCache)
        try container.encode(blocks, forKey: .blocks)
        try container.encode(blocksHere, forKey: .blocksHere)
        try container.encode(bootSet, forKey: .bootSet)
        try container.encode(rate, forKey: .rate)
        try container.encode(lastError, forKey: .lastError)
        try container.encode(domain, forKey: .domain)
        try container.encodeIfPresent(withdrawn, forKey: .withdrawn)
        try container.encodeIfPresent(lowered, forKey: .lowered)
        try container.encodeIfPresent(tableNote, forKey: .tableNote)
        try container.encodeIfPresent(network, forKey: .network)
        try container.encodeIfPresent(pack, forKey: .pack)
        try container.encodeIfPresent(download, forKey: .download)
        try container.encodeIfPresent(trust, forKey: .trust)
        try container.encodeIfPresent(verified, forKey: .verified)
        try container.encodeIfPresent(emulated, forKey: .emulated)
        try container.encodeIfPresent(machine, forKey: .machine)
        try container.encodeIfPresent(home, forKey: .home)
        try container.encodeIfPresent(share, forKey: .share)
        try container.encodeIfPresent(ports, forKey: .ports)
        try container.encodeIfPresent(rolledBackFrom, forKey: .rolledBackFrom)
        try container.encodeIfPresent(screen, forKey: .screen)
        try container.encodeIfPresent(sharesClipboard, forKey: .sharesClipboard)
        try container.encodeIfPresent(usb, forKey: .usb)
        try container.encodeIfPresent(start, forKey: .start)
        try container.encodeIfPresent(startSeconds, forKey: .startSeconds)
        try container.encodeIfPresent(purpose, forKey: .purpose)
        try container.encodeIfPresent(settingClock, forKey: .settingClock)
        try container.encodeIfPresent(suspension, forKey: .suspension)
        try container.encodeIfPresent(suspended, forKey: .suspended)
    }
}

/// A session whose process exists but does not answer: it is stopped, or hangs.
package struct SilentSession: Codable, Sendable, Equatable {
    package let id: String
    /// Nil when it could not be determined.
    package let pid: Int32?
}

/// `sessions --json`.
package struct SessionList: Encodable, Sendable {
    package var sessions: [SessionStatus]
    /// Left out of the JSON where there are none.
    package let silent: [SilentSession]

    package init(sessions: [SessionStatus], silent: [SilentSession] = []) {
        self.sessions = sessions
        self.silent = silent
    }

    private enum CodingKeys: CodingKey {
        case sessions, silent
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sessions, forKey: .sessions)
        if !silent.isEmpty { try container.encode(silent, forKey: .silent) }
    }
}
