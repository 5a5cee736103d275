/// One session as scripts and screens see it; the shape of `sessions --json` (DESIGN section 6).
package struct SessionStatus: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        case starting, running, waiting, paused, stopping, failed
    }

    package enum Phase: String, Codable, Sendable, CaseIterable {
        case catalog, index, mount
        case bootSet = "boot-set"
        case guest, up
    }

    package struct Domain: Codable, Sendable, Equatable {
        package var uri: String
        package var name: String
        package var uuid: String
    }

    package var id: String
    package var catalog: String
    package var distribution: String
    package var version: String
    package var state: State
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
    /// Blocks of the image, and how many of them are here (holes count as here).
    package var blocks: Int
    package var blocksHere: Int
    /// Bytes a second over the last seconds.
    package var rate: UInt64
    package var lastError: String?
    package var domain: Domain?
}

/// `sessions --json`.
package struct SessionList: Codable, Sendable {
    package let sessions: [SessionStatus]

    package init(sessions: [SessionStatus]) { self.sessions = sessions }
}
