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
        let share = try await SessionShare.take(
            asked, version, places: places, directory: directory, state: state,
            note: { [self] text in
                note("\(text)\n")
                notes.withLock { $0.append(text) }
            }, log: { [self] in note("\($0)\n") })
        await teardown.addBlocking { share?.end() }
        return share
    }
}
