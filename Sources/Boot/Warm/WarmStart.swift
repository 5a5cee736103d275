import Catalog
import GuestDomain

/// Which starts may be warm.
struct WarmStart {
    let request: BootRequest
    /// What is set for all systems, and for this one.
    let configuration: Configuration

    /// Whether a guest of this request may go on from a warm state of whichever version. What a guest gets that a template did not have, and what
    /// its user wants of its first boot, needs a boot; so does a machine that has been started before.
    var isPossible: Bool {
        if case .started = request.machine { return false }
        return request.bootsCold != true && request.resumes == nil && request.isTrial != true
            && request.userData == nil && request.diskSize == nil && (request.usb ?? []).isEmpty
    }

    /// As ``isPossible``, of one version. What nobody has verified has no state that could be used.
    func isPossible(_ version: SessionImage, share: GuestShare?, places: Places) -> Bool {
        let guest = version.chosen.guest
        guard isPossible, guest.canPark, guest.media != .cdrom, share?.kind != .plan9 else { return false }
        // The user's own orders are for a first boot; and to cloud-init a machine's second start would be one.
        if guest.seed == .nocloud, configuration.userData != nil || request.machine != nil { return false }
        return version.isVerifiedAtStart(places)
    }
}

/// Why a guest that was to go on from a warm state did not, in words that go on after "the warm state is not used: ".
struct WakeFailure: Error {
    let reason: String
    /// Whether the state's files are not what was written: nobody can start from them.
    var isDamaged = false
    /// Whether it had taken too long.
    var isLate = false
}
