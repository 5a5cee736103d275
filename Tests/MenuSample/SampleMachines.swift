import Boot
import BootMenu

extension SampleOffer {
    /// Kept machines of each kind that a row can show.
    package static func machines() -> [MachineItem] {
        func base(_ distribution: String, _ version: String) -> VersionKey {
            VersionKey(catalog: "example", distribution: distribution, version: version)
        }
        return [
            MachineItem(
                name: "build", base: base("alpine", "2026-11-09"), size: 2_000_000_000, used: 41_000_000,
                baseTotal: 600_000_000, baseHere: 600_000_000, lastStarted: newest - 86_400),
            MachineItem(
                name: "old", base: base("debian", "2026-06-01"), size: 1_200_000_000, used: 310_000_000,
                baseTotal: 900_000_000, baseHere: 558_000_000,
                warnings: [
                    "example no longer has debian@2026-06-01, and only 62 % of its base here: what is missing may never come."
                ]),
            MachineItem(
                name: "work", base: base("debian", "2026-11-16"), size: 21_474_836_480, used: 1_300_000_000,
                baseTotal: 900_000_000, baseHere: 558_000_000, home: "me", lastStarted: newest + 86_400,
                snapshots: [
                    .init(name: "fresh", created: newest - 20 * 86_400),
                    .init(name: "before-upgrade", created: newest - 3 * 86_400 + 5000),
                ]),
        ]
    }
}

extension SampleBackend {
    func machines() async throws -> [MachineItem] { world.withLock { $0.machines } }

    func change(_ machine: String, _ change: MachineChange) async throws {
        // Long enough to be seen.
        try await Task.sleep(for: .milliseconds(300))
        try world.withLock { world in
            guard let place = world.machines.firstIndex(where: { $0.name == machine }) else {
                throw SampleError.refused
            }
            switch change {
            case .snapshot(let name):
                world.machines[place].snapshots.append(.init(name: name, created: SampleOffer.newest))
            case .revert, .export: break
            case .removeSnapshot(let name): world.machines[place].snapshots.removeAll { $0.name == name }
            case .clone(let name):
                var copy = world.machines[place]
                (copy.name, copy.snapshots) = (name, [])
                world.machines.append(copy)
            case .rename(let name): world.machines[place].name = name
            case .grow(let size): world.machines[place].size = size
            case .forget: world.machines.remove(at: place)
            }
            world.machines.sort { $0.name < $1.name }
        }
    }

    func settings(of system: SystemName) async throws -> SettingsOverview {
        var general = SystemSettings()
        general.cpus = 2
        return SettingsOverview(
            system: system, own: world.withLock { $0.settings[system] ?? SystemSettings() }, general: general,
            homes: ["me", "play"])
    }

    func set(
        _ settings: SystemSettings, replacing seen: SystemSettings, of system: SystemName
    ) async throws {
        world.withLock { $0.settings[system] = settings }
    }

    func opening(of system: SystemName) async -> MachineFacts.Opening? { nil }
}

extension SampleBackend.World {
    mutating func keep(_ name: String, _ image: VersionKey, home: String?) {
        machines.append(
            MachineItem(
                name: name, base: image, size: 1_200_000_000, baseTotal: 900_000_000, baseHere: 312_000_000,
                home: home?.isEmpty == false ? home : nil))
        machines.sort { $0.name < $1.name }
    }
}
