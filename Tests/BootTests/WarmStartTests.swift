import Catalog
import GuestDomain
import GuestNetwork
import Linux
import TestSupport
import Testing

@testable import Boot

/// Which starts may be warm, and what a guest is told that wakes.
@Suite struct WarmStartTests {
    private let fixture: MachineFixture

    init() throws { fixture = try MachineFixture() }

    private static let request = BootRequest(
        id: "abcd1234", name: "debian", memoryMiB: 256, cpus: 1, display: .none, network: "user", accel: "tcg",
        connect: nil)

    private func image(_ guest: GuestSettings) throws -> SessionImage {
        let plain = try MachineFixture.chosen(size: fixture.image.index.imageSize)
        var version = plain.version
        version.guest = guest
        return SessionImage(
            image: VersionImage(
                chosen: ChosenVersion(
                    source: plain.source, document: plain.document, distribution: plain.distribution, version: version),
                indexPath: fixture.image.indexPath, file: nil),
            index: fixture.image.index, bootSet: [], ledger: nil)
    }

    @Test func whatATemplateCannotHaveHadNeedsABoot() {
        func isPossible(_ change: (inout BootRequest) -> Void) -> Bool {
            var request = Self.request
            change(&request)
            return WarmStart(request: request, configuration: Configuration()).isPossible
        }
        #expect(isPossible { _ in })
        #expect(isPossible { $0.home = "work" })
        #expect(isPossible { $0.network = "none" })
        #expect(isPossible { $0.machine = .new("m") }, "the first time")
        #expect(isPossible { $0.share = SharedFolder(path: "/srv", isReadOnly: true) })
        let others: [(inout BootRequest) -> Void] = [
            { $0.bootsCold = true }, { $0.resumes = .cold }, { $0.machine = .started("m") }, { $0.becomeTrial() },
            { $0.userData = "#!/bin/sh\n" }, { $0.diskSize = 1 << 30 }, { $0.usb = ["1-2"] },
        ]
        for change in others { #expect(!isPossible(change)) }
        #expect(isPossible { $0.usb = [] })
    }

    @Test func aGuestOfManyProcessorsMayUseMoreToWake() {
        #expect(!SessionGuest.mayBeWaking(used: 0.1, cpus: 1) && SessionGuest.mayBeWaking(used: 1, cpus: 1))
        #expect(!SessionGuest.mayBeWaking(used: 6, cpus: 1) && SessionGuest.mayBeWaking(used: 6, cpus: 2))
        #expect(!SessionGuest.mayBeWaking(used: 41, cpus: 8) && !SessionGuest.mayBeWaking(used: 6, cpus: 0))
    }

    @Test func aVersionMustHaveWhatParksAndAFolderMustBePluggable() throws {
        func isPossible(
            _ guest: GuestSettings, _ kind: GuestShare.Kind? = nil, userData: String? = nil
        ) throws -> Bool {
            var configuration = Configuration()
            configuration.userData = userData
            let share = kind.map { GuestShare(kind: $0, path: "/srv", isReadOnly: false, socketPath: "/s") }
            return WarmStart(request: Self.request, configuration: configuration).isPossible(
                try image(guest), share: share, places: fixture.places)
        }
        let parks = GuestSettings(park: true)
        #expect(try isPossible(parks))
        #expect(try !isPossible(GuestSettings()))
        #expect(try !isPossible(GuestSettings(media: .cdrom, park: true)))
        #expect(try isPossible(parks, .virtiofs))
        #expect(try !isPossible(parks, .plan9))
        // cloud-init brings it along; the user's own orders are for a first boot.
        let cloud = GuestSettings(seed: .nocloud)
        #expect(try isPossible(cloud))
        #expect(try !isPossible(cloud, userData: "/home/ann/user-data"))
        #expect(try isPossible(parks, userData: "/home/ann/user-data"))
    }

    // MARK: What a guest is told

    private func order(
        _ guest: GuestSettings, home: GuestHome? = nil
    ) throws -> (order: WakeOrder, directory: SessionDirectory, keys: SessionKeys) {
        let directory = SessionDirectory(id: "abcd1234", places: fixture.places)
        try? Folder.removeTree(directory.path)
        try Folder.make(directory.path, mode: 0o700)
        let keys = try SessionKeys.make(in: directory.secrets)
        let seed = SessionSeed(
            request: Self.request, chosen: try image(guest).chosen, directory: directory, usualUserData: nil)
        let credentials = try GuestCredentials.write(keys, to: directory.credentials)
        return (try seed.wakeOrder(credentials, home: home, share: nil), directory, keys)
    }

    @Test func aGuestGetsTheKeysThatABootWouldHaveGot() throws {
        let (order, directory, keys) = try order(GuestSettings(park: true))
        #expect(order.user == "root" && order.hostName == nil && order.passwordHash == nil && order.instanceID == nil)
        #expect(order.authorizedKey == "\(keys.hostIdentity.publicKey) oscircular-host")
        #expect(order.guestKey == (try FileContents.read(keys.guestIdentity.privateKeyPath, limit: 65_536)))
        #expect(String(decoding: order.knownHosts, as: UTF8.self) == "10.0.2.2 \(keys.gatewayHost.publicKey)\n")
        #expect(order.home == nil && order.share == nil)
        #expect(try directory.consolePassword() == nil && directory.loginUser == "root")
        let other = try self.order(GuestSettings(park: true)).order
        #expect(other.seed != order.seed && other.guestKey != order.guestKey)
    }

    @Test func aSystemThatIsToldAtItsFirstBootIsToldWhenItWakes() throws {
        let home = GuestHome(diskPath: "/h.raw", user: "ann")
        let (order, directory, _) = try order(GuestSettings(seed: .nocloud, user: "debian"), home: home)
        #expect(order.user == "debian" && order.hostName == "debian" && order.instanceID == directory.domainName)
        let hash = try #require(order.passwordHash)
        #expect(hash.hasPrefix("$6$"))
        #expect(order.home?.contains(hash) == true && order.home?.contains("name=ann") == true)
        #expect(directory.loginUser == "debian")
        #expect(try directory.consolePassword()?.count == 12)
        #expect(try Paths.status(directory.password)?.permissions == 0o600)
        let credentials = try self.order(GuestSettings(seed: .credentials, park: true)).order
        #expect(credentials.passwordHash != nil && credentials.hostName != nil && credentials.instanceID == nil)
    }

    // MARK: Suspended

    @Test func aSuspendedGuestKnowsWhatItWasGivenWhenItWoke() throws {
        let directory = SessionDirectory(id: "abcd1234", places: fixture.places)
        let home = GuestHome(diskPath: "/homes/work.raw", user: "ann")
        var guest = fixture.specification()
        (guest.overlayPath, guest.networkSocketPath, guest.pluggedHome) = ("/o", "/net", home)
        let devices = GuestDevices(guest)
        var kept = try SuspendRecord.Guest(guest, credentials: "/c")
        kept.layers = 1
        #expect(kept.isHomePlugged == true && kept.homeUser == "ann" && kept.fault == nil)
        let again = kept.specification(in: directory, imagePath: "/i", home: home, emulatorUser: nil)
        #expect(again.home == nil && again.pluggedHome == home && again.hasPort)
        var planned = again
        planned.overlayPath = guest.overlayPath
        #expect(GuestDevices(planned) == devices)
        for layers in [-1, 9] {
            kept.layers = layers
            #expect(kept.fault != nil)
        }
        // One that booted with its home has it in its description.
        (guest.home, guest.pluggedHome) = (home, nil)
        let booted = try SuspendRecord.Guest(guest, credentials: "/c")
        #expect(booted.isHomePlugged == nil && booted.layers == nil)
        let cold = booted.specification(in: directory, imagePath: "/i", home: home, emulatorUser: nil)
        #expect(cold.home == home && cold.pluggedHome == nil)
    }

    @Test func aGuestOfAnOlderReleaseGoesOnWithItsDevices() throws {
        let directory = SessionDirectory(id: "abcd1234", places: fixture.places)
        var guest = fixture.specification()
        (guest.overlayPath, guest.networkSocketPath, guest.hasPort) = ("/o", "/net", false)
        let kept = try SuspendRecord.Guest(guest, credentials: "/c")
        #expect(kept.devices.layoutVersion < GuestDevices.currentLayout)
        var again = kept.specification(in: directory, imagePath: "/i", home: nil, emulatorUser: nil)
        again.overlayPath = guest.overlayPath
        #expect(!again.hasPort && GuestDevices(again) == kept.devices)
    }
}
