/// The home of a session's guest, and the folder of the host that it sees.
extension SessionRun {
    /// Takes the home, and gives it back when nothing of the guest is left.
    /// - Throws: as ``SessionHome/take(_:_:places:configuration:warn:log:)``.
    func takeHome(
        _ asked: BootRequest, _ version: SessionImage, _ teardown: Teardown
    ) async throws -> SessionHome? {
        let home = try await SessionHome.take(
            asked, version, places: places, configuration: configuration,
            warn: { [self] (name, key, error) in
                let text = "no backup of the home '\(name)' was made before \(key): \(describe(error))"
                note("warning: \(text)\n")
                notes.withLock { $0.append(text) }
            }, log: { [self] in note("\($0)\n") })
        await teardown.add { home?.giveBack() }
        update { $0.home = home?.name.text }
        return home
    }

    /// Finds it, and ends its server when the guest has ended.
    /// - Throws: ``ShareError``.
    func takeShare(
        _ asked: BootRequest, _ version: SessionImage, _ teardown: Teardown
    ) async throws -> SessionShare? {
        do {
            let share = try await SessionShare.take(
                asked, version, places: places, directory: directory, state: state, note: { [self] in tellUser($0) },
                log: { [self] in note("\($0)\n") })
            await teardown.addBlocking { share?.end() }
            return share
        } catch let error as ShareError {
            return try goOnWithout(error)
        }
    }

    /// Serves it to the guest that is about to start.
    /// - Returns: nil where the guest starts without it.
    /// - Throws: as ``SessionShare/serve(emulator:)``.
    func serve(_ share: SessionShare?, _ surroundings: GuestSurroundings) async throws -> SessionShare? {
        do {
            try await share?.serve(emulator: surroundings.emulator)
            return share
        } catch let error as ShareError {
            return try goOnWithout(error)
        }
    }

    /// Nothing that a folder has keeps the disk of a suspended guest from being started.
    /// - Returns: nil, where that is what is done.
    /// - Throws: the error, for another start.
    private func goOnWithout(_ error: ShareError) throws -> SessionShare? {
        guard request.resumes == .cold else { throw error }
        tellUser("the guest goes on without the folder that it had: \(error.fact(describe))")
        update { $0.share = nil }
        return nil
    }

    /// What a folder that a guest does not get means for its start.
    func failure(_ error: ShareError) -> ShareError {
        // That is asked, and answered.
        if case .notAllowed = error { return error }
        if request.resumes == .memory {
            return .notGivenBack(ShareLoss(session: request.id, reason: error.fact(describe)))
        }
        return request.shareSetting.map { .ofSetting($0, error) } ?? error
    }

    /// Says it in the log, and to whoever started the guest.
    func tellUser(_ text: String) {
        note("\(text)\n")
        notes.withLock { $0.append(text) }
    }
}
