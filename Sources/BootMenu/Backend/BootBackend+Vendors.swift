import Boot
import Catalog
import Curl
import Linux
import Vendors

/// Vendors' systems: what their servers are asked, and which of them the user does not want to see.
extension BootBackend {
    package func ask(_ system: SystemName, isAsked: Bool) async -> VendorFailure? {
        do {
            if isAsked {
                try await systems.refreshVendor(of: system.distribution, evenIfFresh: true)
            } else if let name = VersionName("\(system.catalog)/\(system.distribution)") {
                try await systems.lookUp(try name.find(in: await systems.copies(refresh: false)))
            }
            return nil
        } catch let error as VendorsError {
            return VendorFailure(reason(error), isPassing: error.isTransient)
        } catch {
            return VendorFailure(describe(error), isPassing: true)
        }
    }

    /// Below the system's row the reason comes first, for there is little room.
    private func reason(_ error: VendorsError) -> String {
        switch error {
        case .transient(_, let url, let reason), .structural(_, let url, let reason),
            .unverified(_, let url, let reason), .cannotVerify(_, let url, let reason):
            "\(reason) (\(URLText.withoutCredentials(url)))"
        default: describe(error)
        }
    }

    package func keep(_ change: TableChange, isAllowed: Bool) async throws {
        let answers = TableAnswers(places: places)
        try await WorkerThread.run(name: "answer") { try answers.keep(change, isAllowed: isAllowed) }
        await renewSystems()
    }

    /// Copies of catalogs with vendors' systems as the catalogs' tables have them by now.
    func renewed(_ copies: [CatalogCopy]) async -> [CatalogCopy] {
        guard systems.table.stamp != SystemsTable.stamp(of: library) else { return copies }
        await renewSystems()
        return copies.filter { !$0.source.isVendors } + (systems.vendors.map { [$0.copy()] } ?? [])
    }

    package func hide(_ vendor: String, _ isHidden: Bool) async throws {
        var vendors = await hiddenVendors()
        if isHidden { vendors.insert(vendor) } else { vendors.remove(vendor) }
        let (places, path) = (places, hiddenPath)
        // A name of several lines would be several names.
        let text = vendors.filter { !$0.contains(where: \.isNewline) }.sorted().map { $0 + "\n" }.joined()
        try await WorkerThread.run(name: "hidden") {
            try places.makePassable(places.state)
            try AtomicFile.write(text, to: path)
        }
    }

    /// The names of vendors that are hidden from the menu. The setting `vendors.hidden` is another matter: what it names is not
    /// offered to anybody.
    func hiddenVendors() async -> Set<String> {
        let path = hiddenPath
        // Without a thread, as without the file, all are shown.
        let text = try? await WorkerThread.run(name: "hidden") {
            // Where they cannot be read, all are shown.
            try? FileContents.readText(path, limit: 65_536)
        }
        return Set((text ?? "").split(separator: "\n").map(String.init))
    }

    private var hiddenPath: String { "\(places.state)/hidden-vendors" }
}
