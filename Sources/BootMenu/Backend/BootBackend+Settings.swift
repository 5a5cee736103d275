import Boot
import Linux

/// What is set for one system, and how it is changed. The files are read each time: the user may have edited them meanwhile.
extension BootBackend {
    package func settings(of system: SystemName) async throws -> SettingsOverview {
        let (places, name) = (places, system.description)
        return try await WorkerThread.run(name: "settings") {
            // The last one is the user's own.
            let all = try Configuration.load(places.configurationFiles)
            let own = try Configuration.load(Array(places.configurationFiles.suffix(1)))
            let others = Array(places.configurationFiles.dropLast())
            let below = try Configuration.load(others)
            var general = SystemSettings()
            (general.memoryMiB, general.cpus) = (all.memoryMiB, all.cpus)
            general.display = all.display.flatMap(BootRequest.Display.init(rawValue:))
            if all.network != Configuration().network { general.network = all.network }
            general.healthySeconds = all.healthySeconds
            if all.warm.use != Configuration().warm.use { general.warm = all.warm.use }
            // Without an answer the line counts as unmetered.
            return SettingsOverview(
                system: system, own: own.systems[name] ?? SystemSettings(),
                below: below.systems[name] ?? SystemSettings(), belowFile: others.last ?? "", general: general,
                homes: HomeLibrary(places: places).names.map(\.text), isMetered: MeteredNetwork.isMetered())
        }
    }

    package func set(
        _ settings: SystemSettings, replacing seen: SystemSettings, of system: SystemName
    ) async throws {
        guard let path = places.configurationFiles.last else { return }
        try await WorkerThread.run(name: "settings") {
            try BootBackend.checkFolder(settings.share, replacing: seen.share)
            try SettingsFile(path: path).set(settings, replacing: seen, of: system.description)
        }
    }

    /// Refuses a folder that no guest could get, where it is a new one: whoever types it is there to mend it.
    /// - Throws: ``SessionFailure``.
    static func checkFolder(_ text: String?, replacing seen: String?) throws {
        guard let text, !text.isEmpty, text != seen else { return }
        let path = try SharedFolder(argument: text).path
        // What cannot be looked at is the boot's to judge.
        let status: FileStatus?
        do throws(SystemCallError) { status = try Paths.status(path) } catch { return }
        guard let status else {
            throw SessionFailure(
                exitCode: 66, message: "there is no folder \(path): make it first, or leave the field empty")
        }
        guard status.kind == .folder else {
            throw SessionFailure(exitCode: 66, message: "\(path) is not a folder, and only folders can be shared")
        }
    }

    package func opening(of system: SystemName) async -> MachineFacts.Opening? {
        // With files that cannot be read nothing is set; the session has said so.
        guard let display = try? await current().systems[system.description]?.display else { return nil }
        return switch display {
        case .window: hasDisplay ? .window : .nothing
        case .console: .console
        case .none: .nothing
        }
    }

    /// The settings as they are now.
    func current() async throws -> Configuration {
        let files = places.configurationFiles
        return try await WorkerThread.run(name: "settings") { try Configuration.load(files) }
    }
}
