import Boot
import Curses
import Vendors

/// Everything that can happen to the menu.
package enum MenuEvent: Sendable {
    case input(ScreenInput)
    /// A click on something; `isDouble` if it quickly follows one on the same target.
    case hit(HitTarget, isDouble: Bool)
    case resized(ScreenSize)
    /// The time now, in seconds since 1970.
    case tick(Int64)
    case offer(MenuOffer)
    case guests([Guest])
    case picture(session: String, cells: [BlockMap.Cell])
    /// How this terminal shows pictures of guests' screens.
    case pictures(PictureForm)
    /// What a guest's screen shows.
    case screen(SeenScreen)
    /// The session of a launch is being started.
    case launched(Int, session: String)
    /// What a launch's session says of itself while it starts.
    case launchStatus(Int, SessionStatus)
    /// The guest of a launch runs; what its session says of itself where that is known, and what is set to be opened for its system.
    case launchUp(Int, SessionStatus?, opening: MachineFacts.Opening? = nil)
    /// The launch waits for the user, who has to allow this first.
    case launchAsks(Int, UnverifiedBoot)
    /// The launch waits for the user, who is to say whether a catalog's table may change the system.
    case launchAsksOfTable(Int, TableChange)
    /// The launch waits for the user, who has to say whether this system may have a home.
    case launchAsksHome(Int, HomeQuestion)
    /// The launch waits for the user, who has to say whether this system may have a folder of this machine.
    case launchAsksShare(Int, ShareQuestion)
    /// A suspended guest's folder is gone: it can go on without it.
    case launchAsksWithoutShare(Int, ShareLoss)
    /// The launch waits for the user, who has to say whether a machine may be made of what nobody has verified yet.
    case launchAsksKeep(Int, UnverifiedBoot)
    /// The launch waits for the user, who has to say whether ports may be published of what nobody has verified yet.
    case launchAsksPorts(Int, UnverifiedBoot)
    /// The launch waits for the user, who has to say whether a suspended guest starts cold.
    case launchAsksCold(Int, SuspendMisfit)
    /// The launch failed, for this reason; how far it was where that is known.
    case launchFailed(Int, String, SessionStatus?)
    case fetched(Int, done: UInt64, total: UInt64, rate: UInt64)
    case fetchEnded(Int, FetchItem.State)
    /// What is being done now for a fetch that makes a version warm.
    case warming(Int, FetchItem.Warming)
    case cache(CacheOverview)
    case verified(done: Int, total: Int)
    case verifyEnded(String)
    case catalogAdded(String)
    case catalogRefused(String)
    /// The catalog can be followed if the user trusts this fingerprint. `isPrivate`: nobody on the network can have changed it.
    case catalogAsks(CatalogRequest, isPrivate: Bool)
    /// The chosen row has not changed since the ``MenuEffect/look(_:)`` of this number.
    case looked(Int)
    /// A vendor was asked for a system's builds; why they are not known now, where they are not.
    case vendorAnswered(SystemName, failure: VendorFailure?)
    /// A guest that has ended was stopped for this reason.
    case explained(VersionKey, GuestEnd)
    /// How to log in to a guest; nil where nobody prepared one.
    case login(VersionKey, GuestLogin?)
    /// The kept machines.
    case machines([MachineItem])
    /// A change of a machine has ended; why it was not made, where it was not.
    case machineChanged(String, MachineChange, failure: String?)
    /// What is known of a system's bisect now; nil where there is none.
    case bisect(SystemName, BisectItem?)
    /// What is set for a system, for the form that the user wants to see.
    case settings(SettingsOverview, SettingsForm)
    /// A system's settings were saved; why not, where they were not.
    case settingsSaved(SystemName, failure: String?)
    /// Something that the user asked for was done.
    case done(String)
    case failed(String)
}

/// The forms that show a system's settings.
package enum SettingsForm: Sendable, Hashable {
    case settings
    /// `keeps`: as a machine that stays.
    case boot(VersionKey, keeps: Bool)
    /// The question about the clipboard, on a guest's row.
    case clipboard(session: String)
}

/// What a click can hit.
package enum HitTarget: Sendable, Hashable {
    /// A row of the screen's list, counted from the first one.
    case row(Int)
    /// A running guest in the pane below the systems.
    case guest(String)
    case command(Command)
    /// A dialog's button.
    case button(Int)
    /// A form's field.
    case field(Int)
}

/// What the menu wants done outside.
package enum MenuEffect: Sendable, Hashable {
    /// Read the catalogs; `isAsked` if the user asked for updates.
    case loadOffer(isAsked: Bool)
    /// Find out how much a system's older versions still have to download.
    case price(SystemName)
    case loadCache
    case loadGuests
    /// Come back with this number when a row may count as looked at.
    case look(Int)
    /// Ask a vendor for the builds of a system; `isAsked` if the user asked for updates.
    case askVendor(SystemName, isAsked: Bool)
    /// Hide a vendor's systems from the list, or show them again.
    case hideVendor(String, Bool)
    /// Find out how to log in to a guest.
    case login(session: String, VersionKey)
    /// Find out why a guest ended.
    case explainEnd(session: String, VersionKey)
    /// Keep what the user says to a change of the table; boots that follow wait for that.
    case answer(TableChange, isAllowed: Bool)
    /// `allowing`: what the user was asked about, and allows from now on.
    case boot(VersionKey, launch: Int, allowing: UnverifiedBoot? = nil, BootWishes = BootWishes())
    case loadMachines
    case change(machine: String, MachineChange)
    case loadBisect(SystemName)
    case beginBisect(SystemName, good: String, bad: String)
    case markBisect(SystemName, version: String, Bisection.Verdict)
    case resetBisect(SystemName)
    /// Read what is set for a system, for a form.
    case loadSettings(SystemName, SettingsForm)
    /// `replacing`: what the form began with; only what differs from that is written.
    case saveSettings(SystemName, SystemSettings, replacing: SystemSettings)
    case order(ControlCommand, session: String)
    /// Publish ports of a guest, and take others back; as `--publish` takes them.
    case changePorts(session: String, adding: [String], removing: [String])
    /// Throw away what is stored of a suspended guest.
    case forgetSuspended(session: String)
    case console(session: String)
    case window(session: String)
    case fetch(VersionKey, VersionFetch.Extent, number: Int)
    /// Make a version's warm state, as a fetch of this number.
    case makeWarm(VersionKey, number: Int)
    case stopFetch(Int)
    case pin(VersionKey, Bool)
    case remove(VersionKey)
    case verify
    case addCatalog(CatalogRequest)
    case removeCatalog(String)
    case redraw, suspend, quit
}
