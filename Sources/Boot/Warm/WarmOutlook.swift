import Catalog
import GuestDomain
import Linux

/// Which starts go on from a warm state, as far as the states' records tell: for rows and lists. QEMU is not asked and no digest is
/// computed, so a start may still find that a state does not fit, and then boots.
package struct WarmOutlook: Sendable {
    private let library: WarmLibrary
    private let configuration: Configuration
    private let hasScreen: Bool?

    /// - Parameter hasScreen: whether the guests would be started with a screen; nil where that is not known.
    package init(library: WarmLibrary, configuration: Configuration, hasScreen: Bool? = nil) {
        (self.library, self.configuration, self.hasScreen) = (library, configuration, hasScreen)
    }

    /// What there is now. Waits for the disk: for one listing, and a small file for each state.
    func states() -> States {
        States(
            rows: Dictionary(grouping: library.rows().filter(\.isUsable), by: \.key), configuration: configuration,
            hasScreen: hasScreen)
    }

    /// The states as they were when they were read.
    struct States {
        fileprivate let rows: [VersionKey: [WarmRow]]
        fileprivate let configuration: Configuration
        fileprivate let hasScreen: Bool?

        /// Whether a state is there for a start of this version as the settings have it now.
        /// - Parameter advice: what its catalog says of its guests.
        func isExpected(_ key: VersionKey, _ advice: GuestSettings) -> Bool {
            guard let known = rows[key] else { return false }
            let own = configuration.systems["\(key.catalog)/\(key.distribution)"]
            let settings = configuration.applying(own)
            // Another disk than the template's, and orders of the user's, are for a first boot.
            guard settings.warm.use == .always, own?.diskSize == nil,
                settings.userData == nil || advice.seed != .nocloud
            else { return false }
            let request = BootRequest(
                id: "", name: key.description, memoryMiB: settings.memoryMiB, cpus: settings.cpus, display: .none,
                network: settings.network, accel: settings.accelerator, connect: settings.connect)
            // What no guest can have is said when it is started.
            guard let resources = try? GuestResources(request, advice: advice, on: .here) else { return false }
            let accelerator = AcceleratorChoice(rawValue: settings.accelerator)?.probe().accelerator
            return known.contains { row in
                let isOwn = row.architecture == GuestArchitecture.host
                return row.memoryMiB == resources.memoryMiB && row.cpus == resources.cpus
                    && row.accelerator == (isOwn ? accelerator : .tcg) && hasScreen ?? row.hasScreen == row.hasScreen
            }
        }
    }
}

extension WarmLibrary {
    /// A number that changes when states come or go, whichever process makes or removes them; one system call.
    package var stamp: Int64 {
        // Without the folder there is none.
        (try? Paths.status(path))?.modifiedNanoseconds ?? 0
    }
}
