import Boot

/// A guest's published ports.
extension MenuState {
    /// Asks which ports the chosen guest is to have.
    mutating func askPorts() {
        guard let guest = chosenGuest, guest.status.phase == .up else { return }
        let known = guest.status.ports ?? []
        let field = TextField(
            label: "Ports", text: known.map(\.argument).joined(separator: " "))
        overlay = .form(
            Form(.ports(session: guest.id, known), title: "Published ports of \(guest.title), such as 8080:80", [field])
        )
    }

    /// Publishes what is new, and takes back what is gone.
    mutating func submitPorts(_ form: Form, _ session: String, _ known: [SessionStatus.Port]) -> [MenuEffect] {
        var entered = SystemSettings()
        if let fault = entered.set(.publish, to: form.texts[0]) { return refuse(form, 0, "Ports \(fault)") }
        let wanted = (entered.publish ?? []).compactMap(SessionStatus.Port.init(argument:))
        let adding = wanted.filter { !known.contains($0) }.map(\.argument)
        let removing = known.filter { !wanted.contains($0) }.map(\.argument)
        overlay = nil
        guard !adding.isEmpty || !removing.isEmpty else { return [] }
        return [.changePorts(session: session, adding: adding, removing: removing)]
    }

    /// Ports are published of what cannot be verified before all of it is here only if the user wants that.
    mutating func askPublish(_ number: Int, _ boot: UnverifiedBoot) {
        let image = VersionKey(catalog: boot.catalog, distribution: boot.distribution, version: boot.version)
        askAgain(
            number, image, "\(boot.distribution) is not verified yet",
            "\(boot.fact.prefix(1).uppercased())\(boot.fact.dropFirst()). Whoever reaches its ports talks to what anybody may have made.",
            "Publish them all the same"
        ) { $0.publishesUnverified = true }
    }
}
