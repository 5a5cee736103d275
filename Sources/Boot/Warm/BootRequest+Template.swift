import GuestDomain

extension BootRequest {
    /// What a session is for that is not its user's guest.
    package enum Purpose: String, Codable, Sendable {
        /// A warm state, which somebody waits for.
        case template
        /// A warm state that nobody waits for: it is made while the machine has nothing else to do.
        case spareTemplate
        /// A warm state for guests of others, on other machines: a publisher's.
        case published
    }

    /// The request for a warm state of a version, for guests that are started as this one.
    /// - Parameters:
    ///   - key: the version.
    ///   - accelerator: as the guest had it, where there was one.
    package func template(
        of key: VersionKey, _ purpose: Purpose, memoryMiB: Int? = nil, cpus: Int? = nil, accelerator: Accelerator? = nil
    ) -> BootRequest {
        // It has nothing of its user's, and reaches nothing but what this program gives it.
        var request = BootRequest(
            id: SessionID.random(), name: key.description, memoryMiB: memoryMiB ?? self.memoryMiB,
            cpus: cpus ?? self.cpus, display: display, network: "none", accel: accelerator?.rawValue ?? accel,
            connect: connect, keepsExchange: false)
        request.purpose = purpose
        return request
    }
}
