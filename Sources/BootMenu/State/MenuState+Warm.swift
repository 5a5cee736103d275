import Boot
import Catalog

/// Warm starts: doing without one, and making what the next ones need.
extension MenuState {
    /// Boots the chosen version from its disk, whatever was made ahead.
    mutating func bootCold() -> [MenuEffect] {
        if let refusal = refusal() { return refusal }
        guard let image = chosenImage else { return [] }
        var wishes = usualWishes
        wishes.bootsCold = true
        return bootUnlessRunning(image, wishes)
    }

    /// Lets the next starts of the chosen version take a second. Where not all of it is here, the user is asked first.
    mutating func makeWarm() -> [MenuEffect] {
        if let refusal = refusal() { return refusal }
        guard let image = chosenImage, let version = version(image) else { return [] }
        if fetches.contains(where: { $0.image == image && $0.state == .running }) {
            askOffline(image)
        } else if version.isWarm {
            say("\(image.title) starts in a second already; c boots it cold")
        } else if let obstacle = obstacle(image) {
            say("\(image.title) \(obstacle), so it always boots")
        } else if version.offline == .whole {
            return prepare(image)
        } else {
            overlay = .dialog(
                Dialog(
                    "Let \(image.title) start in a second?",
                    "All of it is fetched first (up to \(Format.bytes(version.missing)) more). Then a guest that nobody uses is booted, "
                        + "put to sleep and saved; the next ones go on from its memory.",
                    [.init(label: "Prepare it", action: .makeWarm(image)), Dialog.cancel()]))
        }
        return []
    }

    /// Begins to make a version's warm state.
    mutating func prepare(_ image: VersionKey) -> [MenuEffect] {
        let number = nextNumber()
        fetches.append(FetchItem(number: number, image: image, extent: .whole, warming: .fetching))
        say("preparing \(image.title): a guest that nobody uses is booted and saved")
        return [.makeWarm(image, number: number)]
    }

    /// Whether a hint offers to make it warm.
    func canBeMadeWarm(_ image: VersionKey) -> Bool {
        version(image)?.isWarm == false && system(image.system)?.emulation.isBootable == true && obstacle(image) == nil
    }

    /// Why a version never starts warm, as far as that is said of it; nil where it may.
    private func obstacle(_ image: VersionKey) -> String? {
        guard let system = system(image.system), let version = version(image) else { return "is not offered any more" }
        let guest = system.distribution.guest(of: version.version)
        guard guest.canPark, guest.media != .cdrom else { return "does not know how to sleep and wake" }
        // What nobody can verify has no state that would be used.
        return version.trust == TrustLevel.none ? "cannot be verified" : nil
    }
}
