import Catalog
import GuestDomain
import Linux

/// Whether the guest comes up, and what boots in its place if it does not.
extension SessionRun {
    /// Begins to watch a guest that has just been started.
    /// - Parameters:
    ///   - isWarm: whether it did not boot: then it says nothing of how long that takes.
    ///   - waited: nanoseconds in which reads of the image have waited for blocks.
    /// - Returns: nil for a machine's, whose own disk has as much to do with how it starts, and for a trial's, after which nobody means its
    ///   version when he boots the last one that came up.
    func watchHealth(
        _ version: SessionImage, _ systems: SystemsLibrary, accel: String, home: SessionHome?, isWarm: Bool = false,
        waited: @escaping @Sendable () -> UInt64
    ) -> SessionHealth? {
        guard request.isTrial != true else { return nil }
        let key = VersionKey(version.chosen)
        let gone = systems.goneVersions(of: version.chosen)
        let library = HealthLibrary(places: places)
        let plan = HealthPlan(
            key, library.record(key.catalog, key.distribution),
            offered: Set(version.chosen.distribution.versions.map(\.id).filter { !gone.contains($0) }.map(\.text)),
            accel: accel, asked: request.healthy, hasHome: request.home != nil, isMachine: request.machine != nil)
        if let text = plan.note(asked: request.healthy) {
            note("\(text)\n")
            notes.withLock { $0.append(text) }
        }
        guard plan.judgement != .machine else { return nil }
        if let limit = plan.limit, plan.fallback != nil {
            note("the guest has \(limit.components.seconds) seconds to come to its login\n")
        }
        let blame: (@Sendable () -> Void)? = isWarm ? { @Sendable [self] in settleWarm(.failed) } : nil
        let health = SessionHealth(
            plan, accel: accel, library: library, directory: directory, state: state, signals: signals.continuation,
            home: home.map { ($0.name.text, $0.backup) }, waited: waited,
            blame: blame, log: { [self] in note("\($0)\n") })
        login.whenSeen { health.take(.login(isSerial: !isWarm)) }
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
    /// somebody has asked for this one's end meanwhile, or it ended for another reason.
    package var successor: BootRequest? {
        guard let rollback = endedFor.withLock({ $0 }), !isStopAsked else { return nil }
        let status = state.snapshot
        var next = request
        next.id = rollback.successor
        next.name = "\(status.catalog)/\(status.distribution)@\(rollback.instead)"
        next.rolledBackFrom = rollback
        if rollback.startedWarm == true { next.bootsCold = true }
        // It is a boot, whatever this one was.
        next.resumes = nil
        // Nobody is there who could answer.
        next.asksOfTable = nil
        return next
    }

    /// Notes whether it was for its health that the guest was ended, and sees to it that nobody hears of a successor that does not come.
    /// - Returns: how the session ended.
    func settleRollback(_ result: Result<Void, any Error>) async -> Result<Void, any Error> {
        guard let health = health.withLock({ $0 }) else { return result }
        await health.finish()
        guard let rollback = health.rollback else { return result }
        // What is decided is not always done: the guest may have been about to end, or to be saved.
        if case .failure(let error as SessionFailure) = result, error.message == rollback.text {
            endedFor.withLock { $0 = rollback }
        }
        if successor != nil { return result }
        forgetRollback()
        let isEnded = endedFor.withLock { $0 != nil }
        return isEnded ? .failure(SessionFailure(exitCode: 69, message: rollback.textAlone)) : result
    }

    /// Nobody who waits for this session is to wait for another. Also after all was removed: meanwhile its end may have been asked for.
    func forgetRollback() { Paths.removeIfPossible(directory.rollbackFile) }
}
