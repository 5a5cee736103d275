import Boot
import Linux

/// What the menu asks of the world. Calls come from any thread and may take as long as they need: no screen waits for them.
package protocol MenuBackend: Sendable {
    /// What is known at once, then better answers as they come, the last one priced.
    /// - Parameter isAsked: the user wants news, so the catalogs' servers are asked even if they were a moment ago.
    func offers(isAsked: Bool) -> AsyncStream<MenuOffer>
    /// Fetches what the prices of a system's older versions need; the next offer has them.
    func price(_ system: SystemName) async
    /// A number that changes when catalogs come or go, whoever adds or removes them. It is asked every few seconds.
    func catalogsStamp() async -> Int64
    func guests() async -> [Guest]
    /// The image of a session in at most `cells` cells; nil where there is none yet.
    func picture(session: String, cells: Int) async -> [BlockMap.Cell]?
    /// Starts a guest, and returns when it runs or its start failed. How far the start is, ``guests()`` tells meanwhile.
    /// - Parameter session: the id that its session shall have.
    func boot(_ image: VersionKey, session: String) async throws -> StartReport
    func order(_ command: ControlCommand, session: String) async throws
    /// Relays between this process's terminal and the guest's console until the user leaves it or `interruption` is signalled.
    func console(session: String, interruption: EventDescriptor) async throws
    /// Why a session ended; nil when it ended as it should.
    func endReason(session: String) async -> String?
    func window(session: String) async throws
    /// Brings a version here. Ends when all of it is; cancelling the consumer stops it.
    func fetch(_ image: VersionKey, _ extent: VersionFetch.Extent) -> AsyncThrowingStream<MenuProgress, any Error>
    func pin(_ image: VersionKey, _ isPinned: Bool) async throws
    /// - Returns: bytes freed.
    func remove(_ image: VersionKey) async throws -> UInt64
    func cache() async throws -> CacheOverview
    /// Reads every block again.
    /// - Returns: how many were damaged.
    func verify(_ progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void) async throws -> Int
    func add(_ request: CatalogRequest) async throws -> CatalogAnswer
    func removeCatalog(_ name: String) async throws
    /// What failed, why, and what to do.
    func message(for error: any Error) -> String
}

/// How far something is. Bytes, and bytes a second.
package struct MenuProgress: Sendable, Hashable {
    package var done: UInt64
    package var total: UInt64
    package var rate: UInt64

    package init(done: UInt64, total: UInt64, rate: UInt64) {
        self.done = done
        self.total = total
        self.rate = rate
    }
}

/// What came of following a catalog.
package enum CatalogAnswer: Sendable, Hashable {
    case added
    /// The user must say whether this fingerprint is the publisher's. `isPrivate`: nobody on the way can have changed it.
    case asks(CatalogRequest, isPrivate: Bool)
}

/// A catalog that shall be followed.
package struct CatalogRequest: Sendable, Hashable {
    package var name: String
    package var url: String
    /// SHA-256 of the publisher's first root, in hexadecimal digits; empty where the user knows none.
    package var fingerprint: String

    package init(name: String, url: String, fingerprint: String = "") {
        self.name = name
        self.url = url
        self.fingerprint = fingerprint
    }
}
