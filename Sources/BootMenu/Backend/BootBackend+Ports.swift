import Boot

extension BootBackend {
    package func changePorts(session: String, adding: [String], removing: [String]) async throws {
        // Those that go may be in the way of those that come.
        if !removing.isEmpty {
            var order = ControlRequest(command: .withdraw)
            order.ports = removing
            _ = try await registry.send(order, to: session)
        }
        guard !adding.isEmpty else { return }
        var order = ControlRequest(command: .publish)
        order.ports = adding
        let response = try await registry.send(order, to: session)
        if let boot = response.unverified { throw BootError.publishesUnverified(boot) }
    }
}
