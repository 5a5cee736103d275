import Catalog
import GuestDomain

/// Whether the guest comes up, and what boots in its place if it does not.
extension SessionRun {
    /// Begins to watch a guest that has just been started.
    /// - Parameter waited: nanoseconds in which reads of the image have waited for blocks.
    /// - Returns: nil for a machine's, whose own disk has as much to do with how it starts.
    func watchHealth(
        _ version: SessionImage, accel: String, home: SessionHome?, waited: @escaping @Sendable () -> UInt64
    ) -> SessionHealth? {
        let key = VersionKey(version.chosen)
        let library = HealthLibrary(places: places)
        let plan = HealthPlan(
            key, library.record(key.catalog, key.distribution),
            offered: Set(version.chosen.distribution.versions.map(\.id.text)), accel: accel, asked: request.healthy,
            hasHome: request.home != nil, isMachine: request.machine != nil)
        if let text = plan.note(asked: request.healthy) {
            note("\(text)\n")
            notes.withLock { $0.append(text) }
        }
        guard plan.judgement != .machine else { return nil }
        if let limit = plan.limit, plan.fallback != nil {
            note("the guest has \(limit.components.seconds) seconds to come to its login\n")
        }
        let health = SessionHealth(
            plan, accel: accel, library: library, directory: directory, state: state, signals: signals.continuation,
            home: home.map { ($0.name.text, $0.backup) }, waited: waited, log: { [self] in note("\($0)\n") })
        login.whenSeen { health.take(.login(isSerial: true)) }
        return health
    }

    /// What is said where nobody named a version, and the newest is not what boots, since it did not come up here.
    func notePassedOver(_ wanted: ChosenVersion) {
        let (catalog, distribution) = (wanted.source.name, wanted.distribution)
        guard let newest = distribution.versions.map(\.id).max(), wanted.version.id < newest,
            let fault = HealthLibrary(places: places).record(catalog, distribution.id).fault(of: newest.text)
        else { return }
        let text =
            "\(distribution.id)@\(newest) \(fault.words) here on \(fault.day), so \(distribution.id)@\(wanted.version.id) boots; "
            + "'oscircular boot \(catalog)/\(distribution.id)@\(newest)' tries it again"
        note("\(text)\n")
        notes.withLock { $0.append(text) }
    }

    /// The request for the guest that boots in this one's place, once nothing of this one is left; nil where none does: also where
    /// somebody has asked for this one's end meanwhile.
    package var successor: BootRequest? {
        guard let rollback = health.withLock({ $0 })?.rollback, !isStopAsked else { return nil }
        let status = state.snapshot
        var next = request
        next.id = rollback.successor
        next.name = "\(status.catalog)/\(status.distribution)@\(rollback.instead)"
        next.rolledBackFrom = rollback
        // Nobody is there who could answer.
        next.asksOfTable = nil
        return next
    }
}
