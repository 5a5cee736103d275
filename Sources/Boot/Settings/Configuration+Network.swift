import Catalog
import Curl
import TOML

/// Servers: mirrors that the user added, and the credentials for each server.
extension Configuration {
    /// Sections whose keys are names, or that come several times.
    static let namedSections: Set<String> = ["mirrors", "host", "system"]

    private static let hostKeys: Set<String> = ["name", "bearer-file", "certificate", "key", "ca", "netrc"]

    /// The queue that all transfers of a program go through, as this user wants it.
    /// - Parameters:
    ///   - stallSeconds: seconds without a byte after which a transfer fails.
    ///   - catalogs: the folder of the followed catalogs.
    package func transfers(stallSeconds: Int = 15, catalogs: String) -> TransferQueue {
        let queue = TransferQueue(
            maximumInFlight: parallelRequests,
            options: TransferOptions(
                stallSeconds: stallSeconds, hosts: hosts,
                writtenServers: Set(mirrors.values.joined().compactMap(URLText.server))))
        // The library says so again when there are others.
        queue.setNamed(CatalogLibrary.servers(in: catalogs))
        return queue
    }

    /// - Throws: ``BootError/configuration(file:key:reason:)``.
    mutating func applyNetwork(_ table: TOMLTable, file: String) throws(BootError) {
        if let section = table["mirrors"] {
            guard let catalogs = section.table else {
                throw .configuration(file: file, key: "mirrors", reason: "no such setting")
            }
            for name in catalogs.keys { mirrors[name] = try Configuration.mirrors(catalogs[name], name, file) }
        }
        if let section = table["host"] {
            // A single `[host]` means `[[host]]`.
            let entries = section.array.map { Array($0) } ?? [section]
            for entry in entries { hosts.append(try Configuration.host(entry, file)) }
        }
    }

    private static func mirrors(
        _ value: TOMLValue?, _ catalog: String, _ file: String
    ) throws(BootError) -> [String] {
        let key = "mirrors.\(catalog)"
        guard let array = value?.array else {
            throw .configuration(file: file, key: key, reason: "must be a list of URLs and folders")
        }
        var urls: [String] = []
        for item in array {
            guard let location = item.string else {
                throw .configuration(file: file, key: key, reason: "must be a list of URLs and folders")
            }
            do throws(CatalogAccessError) {
                urls.append(try CatalogSource(name: catalog, location: location).url)
            } catch {
                if case .invalidLocation(_, let reason) = error {
                    let shown = URLText.withoutCredentials(location)
                    throw .configuration(file: file, key: key, reason: "'\(shown)': \(reason)")
                }
                throw .configuration(file: file, key: key, reason: "'\(catalog)' is not a valid catalog name")
            }
        }
        return urls
    }

    private static func host(_ value: TOMLValue, _ file: String) throws(BootError) -> HostAccess {
        guard let table = value.table else {
            throw .configuration(file: file, key: "host", reason: "must be a table: [[host]]")
        }
        for key in table.keys where !hostKeys.contains(key) {
            throw .configuration(file: file, key: "host.\(key)", reason: "no such setting")
        }
        guard let name = table["name"]?.string, !name.isEmpty, URLText.server(of: "https://\(name)/") != nil,
            !name.contains(where: { "/@?# ".contains($0) })
        else {
            throw .configuration(
                file: file, key: "host.name",
                reason: "must be a server's name as in URLs, with :PORT unless it is 443")
        }
        // The default port of https may be given.
        var host = HostAccess(name: URLText.server(of: "https://\(name)/") ?? name)
        host.bearerFile = try path(table, "bearer-file", file)
        host.certificate = try path(table, "certificate", file)
        host.key = try path(table, "key", file)
        host.authorities = try path(table, "ca", file)
        if let netrc = table["netrc"]?.bool {
            host.netrc = netrc ? .ofUser : nil
        } else if let path = try path(table, "netrc", file) {
            host.netrc = .file(path)
        }
        if host.key != nil && host.certificate == nil {
            throw .configuration(file: file, key: "host.key", reason: "needs a certificate")
        }
        if host.bearerFile != nil && host.netrc != nil {
            throw .configuration(file: file, key: "host.netrc", reason: "cannot be combined with a token")
        }
        return host
    }

    private static func path(_ table: TOMLTable, _ key: String, _ file: String) throws(BootError) -> String? {
        guard let value = table[key] else { return nil }
        guard let path = value.string, path.hasPrefix("/") else {
            throw .configuration(file: file, key: "host.\(key)", reason: "must be an absolute path")
        }
        return path
    }
}
