import Boot
import Catalog
import Curses

/// All that the menu knows. Only events change it, and effects say what must be done; nothing here waits or reads a clock.
package struct MenuState: Sendable {
    package var facts: MachineFacts
    package internal(set) var size: ScreenSize
    /// Seconds since 1970.
    package internal(set) var now: Int64

    package internal(set) var offer = MenuOffer()
    /// The place of each system in the offer.
    var systemIndex: [SystemName: Int] = [:]
    /// The text that a search looks through, for each system of the offer.
    var searchTexts: [String] = []
    /// Distribution ids that several catalogs use.
    var ambiguous: Set<String> = []
    /// Catalogs (places in the offer) that get a row because something is wrong with them.
    var troubled: [Int] = []
    package internal(set) var hasOffer = false
    /// The vendors, in the order of the list; each one's systems are together.
    package internal(set) var groups: [VendorGroup] = []
    /// Whether there was ever a vendor, and so whether the user may have folded anything.
    var hasGroups = false
    /// Names of the vendors whose systems are shown below their heading.
    var unfolded: Set<String> = []
    /// Whether the hidden vendors are shown below their heading.
    var showsHidden = false
    /// Systems whose vendors are being asked for their builds.
    package internal(set) var asking: Set<SystemName> = []
    /// When vendors answered in this run, seconds since 1970.
    var answered: [SystemName: Int64] = [:]
    /// Why builds could not be read when they were asked for last.
    var refusals: [SystemName: VendorFailure] = [:]
    /// The vendor's row that is chosen and may count as looked at soon, and the number of that look.
    var looked: (name: SystemName, number: Int)?
    /// The system whose newest build boots as soon as it is known, unless the user presses another key.
    var awaited: SystemName?
    package internal(set) var isRefreshing = false

    /// Guests that run or start, in the order of their start.
    package internal(set) var guests: [Guest] = []
    package internal(set) var launches: [Int: Launch] = [:]
    /// The kept machines, by name.
    package internal(set) var machines: [MachineItem] = []
    /// The bisects that are known, and what was said of versions of systems that have none yet.
    package internal(set) var bisects: [SystemName: BisectItem] = [:]
    package internal(set) var bisectEnds: [SystemName: BisectEnds] = [:]
    /// What is being done to machines, by name.
    package internal(set) var changing: [String: MachineChange] = [:]
    /// Whether the user wants to see the machines below their heading; nil as long as he has not said so.
    var machinesFold: Bool?
    package internal(set) var picture: (session: String, cells: [BlockMap.Cell]) = ("", [])
    /// How pictures of guests' screens are shown here, and the last one.
    package internal(set) var pictures = PictureForm.off
    package internal(set) var screen: SeenScreen?
    package internal(set) var fetches: [FetchItem] = []
    package internal(set) var cache: CacheOverview?
    package internal(set) var verifying: (done: Int, total: Int)?
    package internal(set) var log: [LogEntry] = []

    /// From the first screen to the one that is shown; never empty.
    package internal(set) var stack: [OpenScreen] = [OpenScreen(.systems)]
    package internal(set) var overlay: Overlay?
    /// What the user must read or answer, one after the other, when nothing else is shown over the screen.
    var notices: [Dialog] = []
    /// A message to the user, shown until the next key.
    package internal(set) var message: (text: String, isFailure: Bool)?
    package internal(set) var isQuitting = false

    /// Whether the user has chosen a row. Until then the system used last is chosen, as soon as it is known.
    var hasChosen = false
    private var lastNumber = 0

    package init(facts: MachineFacts = MachineFacts(), size: ScreenSize, now: Int64) {
        self.facts = facts
        self.size = size
        self.now = now
    }

    /// The screen that is shown.
    package var top: OpenScreen {
        get { stack[stack.count - 1] }
        set { stack[stack.count - 1] = newValue }
    }

    package var layout: Layout { Layout(self) }

    /// Takes an event.
    /// - Returns: what must be done now.
    package mutating func handle(_ event: MenuEvent) -> [MenuEffect] {
        let effects = take(event)
        if overlay == nil, !notices.isEmpty { overlay = .dialog(notices.removeFirst()) }
        return effects + look()
    }

    private mutating func take(_ event: MenuEvent) -> [MenuEffect] {
        switch event {
        case .input(let input): return handle(input)
        case .hit(let target, let isDouble): return handle(target, isDouble: isDouble)
        case .resized(let size):
            self.size = size
            settle()
        case .tick(let now): self.now = now
        default: return handleEvent(event)
        }
        return []
    }

    /// What to do when the menu opens.
    package func start() -> [MenuEffect] { [.loadOffer(isAsked: false), .loadGuests, .loadMachines] }

    mutating func nextNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    /// Adds a message to the log, and shows it until the next key.
    mutating func say(_ text: String, isFailure: Bool = false) {
        log.append(LogEntry(time: now, text: text, isFailure: isFailure))
        // Enough to look back on, and bounded when failures go on all night.
        if log.count > 1000 { log.removeFirst(log.count - 1000) }
        message = (text, isFailure)
        if case .log = top.screen { settle() }
    }

    // MARK: Looking things up

    package func system(_ name: SystemName) -> SystemSummary? { systemIndex[name].map { offer.systems[$0] } }

    package func version(_ image: VersionKey) -> VersionSummary? {
        system(image.system)?.versions.first { $0.key == image }
    }

    /// When and why a version was withdrawn; empty where it was not.
    func withdrawal(of image: VersionKey) -> String {
        system(image.system)?.withdrawn.first { $0.version.id.text == image.version }?.version.words ?? ""
    }

    package func catalog(_ name: String) -> CatalogItem? { offer.catalogs.first { $0.name == name } }

    /// A guest of this version that runs or starts.
    package func guest(of image: VersionKey) -> Guest? { guests.first { $0.image == image && !$0.isSuspended } }

    /// The guest that the screen is about, with its last known status.
    package func guest(on screen: MenuScreen) -> Guest? {
        switch screen {
        case .guest(let id): return guests.first { $0.id == id }
        case .launch(let number):
            guard let launch = launches[number] else { return nil }
            return launch.lastStatus.map { Guest($0) } ?? guests.first { $0.id == launch.session }
        default: return nil
        }
    }

    /// The session whose picture is on the screen, and how many cells there is room for.
    package var watched: (session: String, cells: Int)? {
        guard let guest = guest(on: top.screen), guest.status.phase >= .mount else { return nil }
        let room = layout.pictureSize
        return room.columns * room.rows > 0 ? (guest.id, room.columns * room.rows) : nil
    }

    /// Whether machines on the screen may change by themselves: their bases arrive, and their guests write.
    package var followsMachines: Bool {
        switch top.screen {
        case .machine: true
        case .systems: !machines.isEmpty && !guests.isEmpty
        default: false
        }
    }

    /// Whether something on the screen moves by itself.
    package var isLive: Bool {
        guests.contains { !$0.isSuspended } || verifying != nil || fetches.contains { $0.state == .running }
            || launches.values.contains(where: \.isStarting)
    }
}

/// An entry of the log, in full.
package struct LogEntry: Sendable, Hashable {
    /// Seconds since 1970.
    package let time: Int64
    package let text: String
    package let isFailure: Bool

    package init(time: Int64, text: String, isFailure: Bool) {
        self.time = time
        self.text = text
        self.isFailure = isFailure
    }
}
