/// A guest of this user's, starting or running, as the menu shows it.
package struct GuestItem: Sendable, Hashable {
    /// As `sessions --json` says it; `silent` when its process is there and does not answer.
    package enum State: String, Sendable {
        case starting, running, waiting, paused, stopping, failed, silent
    }

    /// What a guest in the state ``State/waiting`` waits for, as `sessions --json` says it.
    package enum Wait: String, Sendable {
        case blocks, space, disk
    }

    /// The stages of a start, in their order.
    package enum Phase: Int, Sendable, Comparable, CaseIterable {
        case catalog, index, mount, bootSet, guest, up

        package static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    /// Of the session; empty until there is one.
    package var id: String
    package var image: ImageName
    package var state: State
    package var waitsFor: Wait?
    package var phase: Phase
    /// Seconds since 1970.
    package var started: Int64
    /// `kvm` or `tcg`; empty until it is known.
    package var accelerator: String
    /// Bytes over the line, and from the cache.
    package var bytesFetched: UInt64
    package var bytesFromCache: UInt64
    /// Bytes a second.
    package var rate: UInt64
    package var blocks: Int
    package var blocksHere: Int
    /// Blocks of the boot set, and how many of them are here; nil where there is none.
    package var bootSetDone: Int?
    package var bootSetBlocks: Int?
    package var lastError: String
    package var mount: String
    package var consoleLog: String

    package init(
        id: String, image: ImageName, state: State = .starting, waitsFor: Wait? = nil, phase: Phase = .catalog,
        started: Int64 = 0,
        accelerator: String = "", bytesFetched: UInt64 = 0, bytesFromCache: UInt64 = 0, rate: UInt64 = 0,
        blocks: Int = 0, blocksHere: Int = 0, bootSetDone: Int? = nil, bootSetBlocks: Int? = nil,
        lastError: String = "", mount: String = "", consoleLog: String = ""
    ) {
        self.id = id
        self.image = image
        self.state = state
        self.waitsFor = waitsFor
        self.phase = phase
        self.started = started
        self.accelerator = accelerator
        self.bytesFetched = bytesFetched
        self.bytesFromCache = bytesFromCache
        self.rate = rate
        self.blocks = blocks
        self.blocksHere = blocksHere
        self.bootSetDone = bootSetDone
        self.bootSetBlocks = bootSetBlocks
        self.lastError = lastError
        self.mount = mount
        self.consoleLog = consoleLog
    }
}
