import BlockStore
import GuestDomain
import GuestNetwork
import Linux

extension SessionGuest {
    /// Lets a suspended guest go on, from its memory or cold, with the disk that it had.
    /// - Parameters:
    ///   - surroundings: what was set up for it besides the disk: its sockets are new ones.
    ///   - teardown: gets a step for each thing that must be removed again.
    ///   - check: throws where the guest is not to go on after all; asked right before its memory is used.
    /// - Returns: the guest, and what its user should know.
    /// - Throws: ``SuspendError``: ``SuspendError/misfit(_:)`` where only a cold start is possible; as
    ///   ``start(_:in:teardown:)``. Until the guest runs, nothing of what is suspended is lost.
    static func goOn(
        _ plan: Plan, _ resumed: ResumedGuest, in surroundings: GuestSurroundings, teardown: Teardown,
        check: @escaping @Sendable () throws -> Void
    ) async throws -> (guest: SessionGuest, note: String?) {
        let directory = plan.directory
        var planned = resumed.record.guest.specification(
            in: directory, imagePath: plan.imagePath, home: plan.home, emulatorUser: surroundings.emulatorUser)
        planned.accelerator = surroundings.accelerator
        planned.share = plan.share
        // An earlier release gave a slot to guests with a folder alone: one that goes on without the folder has it still.
        if plan.share == nil, resumed.resumption == .memory, !planned.hasPort,
            resumed.record.guest.devices.has(.sharePort)
        {
            planned.share = GuestShare(kind: .virtiofs, path: "/", isReadOnly: true, socketPath: directory.share)
        }
        if resumed.record.guest.hasScreen {
            planned.screen = try await screen(of: plan, planned.architecture, surroundings)
        }
        // The next start removes what is left of it.
        await teardown.addBlocking { directory.removeDisk() }
        let emulator = surroundings.emulator
        let (request, machine, given) = (plan.request, plan.machine, planned)
        let specification = try await WorkerThread.run(name: "suspended") {
            var specification = given
            try resumed.restoreFiles(to: directory)
            if resumed.resumption == .cold { try boot(&specification, plan, surroundings.credentials) }
            if let machine {
                let links = try machine.begin(specification, home: request.home, emulator: emulator)
                (specification.overlayPath, specification.layers) = (links.overlay, links.layers)
                if let variables = links.variables {
                    (specification.nvramPath, specification.hasVariables) = (variables, true)
                }
            } else {
                try resumed.giveDisk(to: &specification, directory, emulator: emulator)
            }
            return specification
        }
        let connection = surroundings.connection
        guard resumed.resumption == .memory, let memory = resumed.record.memory else {
            try await WorkerThread.run(name: "suspended") {
                try check()
                try resumed.useMemory()
            }
            let guest = try await RunningGuest.start(specification, on: connection)
            await teardown.add { await guest.destroy() }
            return (SessionGuest(guest, specification, uri: connection.uri), nil)
        }
        guard GuestDevices(specification) == resumed.record.guest.devices,
            specification.accelerator == resumed.record.guest.accelerator
        else { throw resumed.misfit("it would get other devices, or another kind of emulation, than it had") }
        do {
            let (guest, note) = try await RunningGuest.resume(
                specification, on: connection, from: memory.origin, feed: { try resumed.feed(memory, to: $0) },
                commit: {
                    try check()
                    try resumed.useMemory()
                })
            await teardown.add { await guest.destroy() }
            return (SessionGuest(guest, specification, uri: connection.uri), note)
        } catch GuestDomainError.memoryMisfit(let reason) {
            throw resumed.misfit(reason)
        } catch SuspendError.damaged(_, let path, let reason) {
            throw resumed.misfit("\(path): \(reason)")
        }
    }

    /// Makes it a guest that boots: one that has started warm knows nothing of what others read at their start, and would sleep.
    private static func boot(
        _ guest: inout GuestSpecification, _ plan: Plan, _ credentials: GuestCredentials
    ) throws(SystemCallError) {
        guest.hasPort = true
        (guest.home, guest.pluggedHome) = (plan.home, nil)
        // It would look for a folder that it does not get.
        if plan.share == nil { guest.firmwareEntries.removeAll { $0.name == GuestShare.firmwareName } }
        // It sees this machine's own, as all that boot.
        guest.processorModel = nil
        guard guest.firmwareEntries.contains(where: { $0.name == ParkEntries.parkName }) else { return }
        guest.firmwareEntries = try entries(of: plan, credentials)
    }
}
