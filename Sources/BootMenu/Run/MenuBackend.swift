import Boot
import Linux
import Vendors

/// What the menu needs from outside: catalogs, cache and sessions. Calls may come from any thread and take as long as they need:
/// no screen waits for them. Tests put a made-up world in its place.
package protocol MenuBackend: Sendable {
    /// What can be booted: first what is stored locally, then better answers as they come, the last one with prices.
    /// - Parameter isAsked: the user asked for updates, so the servers are contacted even if they were a moment ago.
    func offers(isAsked: Bool) -> AsyncStream<MenuOffer>
    /// Fetches what is needed to tell how much a system's older versions still have to download; the next offer has it.
    func price(_ system: SystemName) async
    /// Asks a vendor for the builds of one of its systems, unless it was asked less than a day ago, or the line is paid by the byte;
    /// the next offer has them.
    /// - Parameter isAsked: the user asked for it, so the vendor is asked all the same.
    /// - Returns: why they are not known now; nil where they are, and where nobody was asked.
    func ask(_ system: SystemName, isAsked: Bool) async -> VendorFailure?
    /// Keeps a vendor out of the list, or lets it in again; the next offer says so.
    func hide(_ vendor: String, _ isHidden: Bool) async throws
    /// A number that changes when any program adds or removes a catalog or a warm state. It is read every few seconds.
    func catalogsStamp() async -> Int64
    /// All guests, also those that are suspended; it takes as long as the slowest session takes to answer, five seconds if one does not.
    func guests() async -> [Guest]
    /// What one session says of itself; nil where it does not answer, or not yet.
    func status(session: String) async -> SessionStatus?
    /// A picture of a session's image in at most `cells` cells; nil before it is mounted.
    func picture(session: String, cells: Int) async -> [BlockMap.Cell]?
    /// What a guest's screen shows, in `size` at most; nil where it has none, and while its session does not say.
    func screen(session: String, size: PictureSize) async -> SeenScreen?
    /// Starts a guest, and returns when it runs or its start failed. How far the start is, ``status(session:)`` tells meanwhile.
    /// - Parameters:
    ///   - session: the id for its session.
    ///   - allowing: what the user allows from now on, having been asked.
    ///   - wishes: what this boot has of its own, over what is set for its system.
    func boot(
        _ image: VersionKey, session: String, allowing: UnverifiedBoot?, wishes: BootWishes
    ) async throws -> StartReport
    /// Keeps what the user says to a change of the table of vendors, which counts from now on.
    func keep(_ change: TableChange, isAllowed: Bool) async throws
    /// What is opened for a new guest of a system as soon as it runs, if that is set for this system; nil where it is not.
    func opening(of system: SystemName) async -> MachineFacts.Opening?
    /// The kept machines, by name.
    func machines() async throws -> [MachineItem]
    /// Changes a machine that does not run. Some changes take minutes.
    func change(_ machine: String, _ change: MachineChange) async throws
    /// What is known of a system's bisect; nil where there is none.
    func bisect(of system: SystemName) async throws -> BisectItem?
    func beginBisect(of system: SystemName, good: String, bad: String) async throws -> BisectItem
    /// Takes what the user says of a version, and ends its guest.
    func mark(_ version: String, _ verdict: Bisection.Verdict, of system: SystemName) async throws -> BisectItem
    func resetBisect(of system: SystemName) async throws
    /// What is set for a system, and what holds where nothing is.
    func settings(of system: SystemName) async throws -> SettingsOverview
    /// Sets what a system has in the user's own configuration file, as far as it differs from what the user saw there.
    func set(_ settings: SystemSettings, replacing seen: SystemSettings, of system: SystemName) async throws
    func order(_ command: ControlCommand, session: String) async throws
    /// Takes ports of a guest back, and publishes others; as `--publish` takes them.
    func changePorts(session: String, adding: [String], removing: [String]) async throws
    /// Throws away what is stored of a suspended guest.
    func forgetSuspended(_ session: String) async throws
    /// Connects this process's terminal to the guest's console until the user leaves it or `interruption` is signalled.
    func console(session: String, interruption: EventDescriptor) async throws
    /// Why a session ended; nil when it ended as it should.
    func endReason(session: String, _ image: VersionKey) async -> GuestEnd?
    /// How to log in to a guest on its console; nil where the session made nothing of the kind.
    func login(session: String) async throws -> GuestLogin?
    func window(session: String) async throws
    /// Downloads a version. The stream ends when it is complete; cancelling its consumer stops the download.
    func fetch(_ image: VersionKey, _ extent: VersionFetch.Extent) -> AsyncThrowingStream<MenuProgress, any Error>
    /// Makes what a version needs to start warm as the settings are now: fetches what is missing, boots a guest that nobody uses, and
    /// saves it. The stream ends when that is done; cancelling its consumer gives it up.
    func makeWarm(_ image: VersionKey) -> AsyncThrowingStream<WarmProgress, any Error>
    func pin(_ image: VersionKey, _ isPinned: Bool) async throws
    /// - Returns: bytes freed.
    func remove(_ image: VersionKey) async throws -> UInt64
    func cache() async throws -> CacheOverview
    /// Verifies every cached block and removes damaged ones.
    /// - Returns: how many were damaged.
    func verify(_ progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void) async throws -> Int
    func add(_ request: CatalogRequest) async throws -> CatalogAnswer
    func removeCatalog(_ name: String) async throws
    /// The message for an error: what failed, why, and what to do.
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

/// How far the making of a warm state is.
package enum WarmProgress: Sendable, Hashable {
    case fetching(MenuProgress)
    case booting, saving
}

/// The result of adding a catalog.
package enum CatalogAnswer: Sendable, Hashable {
    case added
    /// The user must decide whether to trust this fingerprint. `isPrivate`: nobody on the network can have changed it.
    case asks(CatalogRequest, isPrivate: Bool)
}

/// A catalog to follow, as the user entered it.
package struct CatalogRequest: Sendable, Hashable {
    package var name: String
    package var url: String
    /// SHA-256 of the publisher's first root, in hexadecimal digits; empty where the user has none.
    package var fingerprint: String

    package init(name: String, url: String, fingerprint: String = "") {
        self.name = name
        self.url = url
        self.fingerprint = fingerprint
    }
}
