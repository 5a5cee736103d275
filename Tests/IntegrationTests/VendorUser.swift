import Boot
import Linux
import TestSupport

/// One user without any catalog, and the museum of vendors.
final class VendorUser: ProgramUser {
    let folder: TemporaryDirectory
    let environment: [String: String]
    let museum: Museum

    /// - Parameter cloud: as ``Museum``'s.
    init(configuration: String = "", cloud: String? = nil) async throws {
        folder = try TemporaryDirectory()
        environment = try Self.makePlaces(in: folder, configuration: configuration)
        museum = try await Museum(cloud: cloud)
        try Paths.makeLink(folder.path("config/oscircular/vendors"), to: museum.tables)
    }

    /// Runs a test and ends what still runs, also when the test fails.
    static func with(
        configuration: String = "", cloud: String? = nil, _ body: (VendorUser) async throws -> Void
    ) async throws {
        let user = try await VendorUser(configuration: configuration, cloud: cloud)
        do {
            try await body(user)
        } catch {
            await user.end()
            throw error
        }
        await user.end()
    }

    private func end() async {
        await endSessions()
        museum.server.stop()
    }

    /// What `list --json` says of one version of a vendor's system.
    func version(_ day: String, of system: String) async throws -> JSONValue? {
        let listed = try JSONValue.object(try await client("list", system, "--json"))
        let row = listed["distributions"]?.array.first { $0["catalog"]?.string == "vendors" }
        return row?["versions"]?.array.first { $0["id"]?.string == day }
    }

    /// Waits until all of a session's file is here and was found right.
    func verified(_ session: SessionStatus, within seconds: Int = 180) async throws -> SessionStatus {
        for _ in 0..<(seconds * 2) {
            guard let now = try await sessions().first(where: { $0.id == session.id }) else { break }
            if now.verified == true { return now }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw ScenarioFailure("the file was never verified")
    }
}
