import Boot
import Catalog

/// A guest of this user, starting or running: the last known status of its session.
package struct Guest: Sendable, Equatable {
    package var status: SessionStatus
    /// Whether its process exists and does not answer.
    package var isSilent: Bool

    package init(_ status: SessionStatus, isSilent: Bool = false) {
        self.status = status
        self.isSilent = isSilent
    }

    /// A session that does not answer, with its last known status; if it never answered, only the id is known.
    init(silent session: SilentSession, _ known: Guest?) {
        status =
            known?.status
            ?? SessionStatus(
                id: session.id, catalog: "", distribution: "session", version: session.id, state: .running, phase: .up,
                pid: session.pid ?? 0, started: "", consoleLog: "")
        isSilent = true
        status.waitingFor = nil
        status.rate = 0
        status.lastError =
            "its process\(session.pid.map { " \($0)" } ?? "") is stopped or stuck; forcing it off ends the process and the guest"
    }

    package var id: String { status.id }
    package var image: VersionKey { status.image }

    /// `work: debian`, or only what it runs where it is no kept machine.
    var label: String { status.machine.map { "\($0): \(image.distribution)" } ?? image.distribution }
    /// `work: debian 2026-11-16`.
    var title: String { "\(label) \(image.version)" }
}

extension SessionStatus {
    /// The version that it runs.
    var image: VersionKey { VersionKey(catalog: catalog, distribution: distribution, version: version) }
}

/// A boot that was started from this menu.
package struct Launch: Sendable {
    package let number: Int
    package let image: VersionKey
    package let wishes: BootWishes
    /// The id of its session, which is among the guests as soon as it answers; nil until it is started.
    package var session: String?
    /// Whether its guest runs, or ran.
    package var isUp = false
    /// Why there is no guest; nil while there may be one.
    package var failure: String?
    /// How far its start is, or was when it failed; nil if unknown, and once its guest runs: then that is among the guests.
    package var lastStatus: SessionStatus?

    init(number: Int, image: VersionKey, wishes: BootWishes = BootWishes()) {
        self.number = number
        self.image = image
        self.wishes = wishes
    }

    /// `work: debian 2026-11-16`, or only the version where it is no kept machine.
    var title: String { (wishes.machine.map { "\($0): " } ?? "") + image.title }

    /// Whether it has neither come up nor failed yet.
    var isStarting: Bool { !isUp && failure == nil }
}
