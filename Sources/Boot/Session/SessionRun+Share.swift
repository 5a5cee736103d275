/// The folder of the host that a session's guest sees.
extension SessionRun {
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
