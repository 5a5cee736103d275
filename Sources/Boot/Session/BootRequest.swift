import Vendors

/// Everything a session's process needs to know, as `oscircular boot` hands it over on standard input.
package struct BootRequest: Codable, Sendable, Equatable {
    /// Where the console and screen go; the session itself only needs to know whether to offer a screen.
    package enum Display: String, Codable, Sendable, CaseIterable {
        case window, console, none
    }

    package var id: String
    /// `[CATALOG/]DISTRO[@VERSION]` as the user typed it.
    package var name: String
    package var memoryMiB: Int?
    package var cpus: Int?
    package var display: Display
    /// `user`, `lan` or `none`.
    package var network: String
    /// `auto`, `kvm` or `tcg`.
    package var accel: String
    /// libvirt's URI; nil means the user's own.
    package var connect: String?
    /// Whether what is in the exchange folder stays when the session has ended; nil means it does unless the guest's file is a vendor's
    /// that was not verified by then.
    package var keepsExchange: Bool?
    /// Bytes that the exchange folder may hold; nil for the usual limit.
    package var exchangeLimit: UInt64?
    /// Whether a version may boot that is less sure than the settings ask for; nil means no.
    package var allowUnverified: Bool?
    /// Whether somebody can be asked about changes of the table of vendors; nil means no, and the system boots as it was before.
    package var asksOfTable: Bool?
    /// The user's own orders for the guest's first boot, in the words of the guest's own program for it; nil for none.
    package var userData: String?
    /// The name under which the guest's disk and identity stay; a new one, or a machine that is there; nil for a guest that is
    /// thrown away.
    package var machine: KeptMachine?
    /// Bytes of the guest's disk where it is larger than its image; nil for the image's size.
    package var diskSize: UInt64?
    /// The name of the disk that the guest gets as its user's home; nil for none.
    package var home: String?
    /// Whether a machine may be kept whose base nobody has verified yet; nil means no.
    package var keepsUnverified: Bool?
    /// Whether all of a machine's base is fetched on a connection that is paid by the byte; nil means no. On others it always is.
    package var fetchesBase: Bool?
    /// Whether a system gets the home that the user has not allowed it yet; nil means no.
    package var allowHome: Bool?
    /// The folder of the host that the guest sees; nil for none.
    package var share: SharedFolder?
    /// The name of the setting that gives it; nil where it was asked for with this boot, and where there is none.
    package var shareSetting: String?
    /// Whether a system gets the folder that nobody has verified yet; nil means no.
    package var allowShare: Bool?
    /// The folder itself that a suspended guest had: another one under its name is asked about, as ``allowShare`` says. Nil where it is not known.
    package var givenShare: SharedFolder.Given?
    /// The folder that it would have by the settings, if it had a network; nil for none.
    package var withheldShare: SharedFolder?
    /// Ports of this host that lead to the guest, as ``PublishedPort`` writes them; nil for none.
    package var publish: [String]?
    /// Whether ports may be published of a file that nobody has verified yet; nil means no.
    package var publishesUnverified: Bool?
    /// Seconds that a version which has not been healthy here has to come to its login, before the last one that was boots in its place; 0 for
    /// as long as it likes; nil: with a home, by how long the system's starts have taken here.
    package var healthy: Int?
    /// The guest in whose place this one boots; nil for one that somebody asked for.
    package var rolledBackFrom: Rollback?
    /// Whether it is for a look at one version of many, see ``becomeTrial()``; nil means no.
    package private(set) var isTrial: Bool?

    /// Whether it boots even where a warm state of its version is kept; nil means no. How a suspended guest goes on, ``resumes`` says.
    package var bootsCold: Bool?

    /// What the session is for, where that is not a guest of its user's; nil for that.
    package var purpose: Purpose?

    /// Whether guest and desktop have one clipboard, where the guest has a screen; nil means no.
    package var sharesClipboard: Bool?

    /// Devices of this machine that the guest gets, in the words of ``HostUSBDevice``; nil for none. Neither settings nor a machine keep them.
    package var usb: [String]?

    /// When it was asked for, by the clock that never jumps; nil where nobody measures.
    package var asked: UInt64?

    /// How a suspended guest goes on, whose session has this id; nil for a guest that is booted.
    package var resumes: Resumption?

    /// How a suspended guest goes on.
    package enum Resumption: String, Codable, Sendable {
        /// From its memory.
        case memory
        /// From its disk, as after a power cut. Its memory is thrown away.
        case cold
    }

    /// A guest that stays.
    package enum KeptMachine: Codable, Sendable, Equatable {
        /// Kept from now on under a name that is not taken.
        case new(String)
        /// Goes on from its own disk, on its own base: ``BootRequest/name`` is for people only, see ``MachineRow/key``. Memory and processors
        /// are those of the last time where the request has none.
        case started(String)

        package var name: String {
            switch self {
            case .new(let name), .started(let name): name
            }
        }
    }

    package init(
        id: String, name: String, memoryMiB: Int?, cpus: Int?, display: Display, network: String, accel: String,
        connect: String?, keepsExchange: Bool? = nil, exchangeLimit: UInt64? = nil,
        allowUnverified: Bool? = nil, userData: String? = nil, machine: KeptMachine? = nil, diskSize: UInt64? = nil,
        home: String? = nil, allowHome: Bool? = nil
    ) {
        self.id = id
        self.name = name
        self.memoryMiB = memoryMiB
        self.cpus = cpus
        self.display = display
        self.network = network
        self.accel = accel
        self.connect = connect
        self.keepsExchange = keepsExchange
        self.exchangeLimit = exchangeLimit
        self.allowUnverified = allowUnverified
        self.userData = userData
        self.machine = machine
        self.diskSize = diskSize
        self.home = home
        self.allowHome = allowHome
    }

    /// Makes it the request of a guest that is for a look at one version of many: it gets nothing of its user's, is not judged and says
    /// nothing of how its version starts otherwise, it boots, and only the blocks are fetched that it reads.
    package mutating func becomeTrial() {
        isTrial = true
        (home, share, withheldShare, publish, sharesClipboard) = (nil, nil, nil, nil, nil)
        (healthy, bootsCold) = (0, true)
    }
}

/// What a process says to the program that started it, once: how its start ended.
package struct StartReport: Codable, Sendable {
    /// How far a session was then; nil where it failed before there was one, and for a mount.
    package var status: SessionStatus?
    /// Why the start failed.
    package var failure: SessionFailure?
    /// The guest runs, or the image is mounted.
    package var isUp: Bool
    /// What the user has to allow first, where that is why the start failed: ``UnverifiedBoots/allow(_:)``, then another start.
    package var unverified: UnverifiedBoot?
    /// What a catalog's table would change of the system, where the user is to say first whether it may, and that is why the start failed:
    /// ``TableAnswers/keep(_:isAllowed:)``, then another start.
    package var tableChange: TableChange?
    /// What the user's settings do not let boot, where that is why the start failed.
    package var refused: UnverifiedBoot?
    /// What may be kept as a machine only when the user has said so, where that is why the start failed: another start with
    /// ``BootRequest/keepsUnverified``.
    package var keepsUnverified: UnverifiedBoot?
    /// What the user should know about a guest that runs, a sentence each; nil for nothing.
    package var notes: [String]?
    /// What the user has to allow first, where that is why the start failed: ``HomeLibrary/allow(_:)``, then another start.
    package var home: HomeQuestion?
    /// What the user has to allow first, where that is why the start failed: another start with ``BootRequest/allowShare``.
    package var share: ShareQuestion?
    /// Why a suspended guest did not get its folder back, where that is why the start failed: another start with
    /// ``BootRequest/withoutShare``.
    package var shareLoss: ShareLoss?
    /// What ports may be published of only when the user has said so, where that is why the start failed: another start with
    /// ``BootRequest/publishesUnverified``.
    package var publishesUnverified: UnverifiedBoot?
    /// Why a suspended guest did not go on from its memory, where its disk could be started cold: another start with
    /// ``BootRequest/Resumption/cold``.
    package var misfit: SuspendMisfit?

    package init(status: SessionStatus? = nil, failure: SessionFailure? = nil, isUp: Bool = false) {
        self.status = status
        self.failure = failure
        self.isUp = isUp
    }
}
