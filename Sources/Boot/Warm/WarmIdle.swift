import Linux

/// Whether a machine has time for work that nobody waits for.
struct MachineLoad: Sendable, Equatable {
    /// Processes that want a processor, for each processor; the average of the last minute. Nil where the kernel does not say.
    let perProcessor: Double?
    /// Whether it runs on a battery that empties.
    let isOnBattery: Bool

    /// More than half of it is busy.
    static let most = 0.5
    /// All of it is busy, and others wait: one guest more does not come that far by itself.
    static let crowd = 1.5

    /// Whether what takes long says nothing but that others were before it.
    var isCrowded: Bool { (perProcessor ?? 0) > MachineLoad.crowd }

    var isIdle: Bool { !isOnBattery && (perProcessor ?? 0) <= MachineLoad.most }

    /// - Parameters:
    ///   - proc: where the kernel tells of processes.
    ///   - supplies: where it tells of power supplies.
    static func now(
        proc: String = "/proc", supplies: String = "/sys/class/power_supply", processors: Int = Machine.processors
    ) -> MachineLoad {
        // Where it is not there, nothing is known of it: then it does not count.
        let text = (try? FileContents.readText("\(proc)/loadavg", limit: 256)) ?? ""
        let load = text.split(separator: " ").first.flatMap { Double($0) }.map { $0 / Double(max(1, processors)) }
        return MachineLoad(perProcessor: load, isOnBattery: isOnBattery(supplies))
    }

    /// A machine with a charger that gives nothing, or with a battery that empties and no charger that says otherwise.
    private static func isOnBattery(_ supplies: String) -> Bool {
        var (hasCharger, isCharged, hasBattery, empties) = (false, false, false, false)
        for name in Folder.namesIfAny(in: supplies) {
            func word(_ file: String) -> String {
                // What a supply does not say is not known.
                let text = (try? FileContents.readText("\(supplies)/\(name)/\(file)", limit: 64)) ?? ""
                return text.filter { $0 != "\n" }
            }
            // A mouse's battery is not this machine's.
            if word("scope") == "Device" { continue }
            switch word("type") {
            case "Mains", "USB", "Wireless":
                hasCharger = true
                isCharged = isCharged || word("online") == "1"
            case "Battery":
                hasBattery = true
                empties = empties || word("status") == "Discharging"
            default: break
            }
        }
        return !isCharged && (empties || hasCharger && hasBattery)
    }
}

/// Waits until a machine has nothing else to do, and says when that is over.
struct WarmTurn: Sendable {
    /// Seconds for which a machine may be busy before nothing is made this time, and between two looks.
    static let patience = 600
    static let look = 5

    /// Whether nobody waits for what is made.
    let isSpare: Bool
    /// Sessions that run besides this one.
    let others: @Sendable () -> Bool
    let load: @Sendable () -> MachineLoad

    /// Why what is made is given up now; nil where it goes on.
    func reasonToGiveUp() -> String? {
        isSpare && others() ? "a session has started" : nil
    }

    /// Whether it stands still for now. On a battery what nobody waits for waits.
    var pauses: Bool { isSpare && load().isOnBattery }

    /// Returns when the machine is idle; at once for what somebody waits for.
    /// - Throws: ``WarmError/givenUp(_:)``; `CancellationError`.
    func wait(sleep: (Int) async throws -> Void = { try await Task.sleep(for: .seconds($0)) }) async throws {
        guard isSpare else { return }
        for _ in 0..<WarmTurn.patience / WarmTurn.look {
            if let reason = reasonToGiveUp() { throw WarmError.givenUp(reason) }
            let now = load()
            if now.isOnBattery { throw WarmError.givenUp("this machine runs on its battery") }
            if now.isIdle { return }
            try await sleep(WarmTurn.look)
        }
        throw WarmError.givenUp("this machine is busy")
    }
}
