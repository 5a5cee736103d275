import Curl

extension VendorRow {
    /// On whose word a server is asked: the table's for the servers that this row names, and for all others the vendor's own server's. What
    /// a listing or a list of mirrors says leads to the internet, and into another network only where that server is.
    func reach(of url: String) -> TransferReach {
        if let server = URLText.server(of: url), servers.contains(server) { return origin.reach }
        let own = URLText.host(of: listing.upstream.first ?? "").flatMap { AddressKind(host: $0) } ?? .internet
        switch origin {
        case .folder: return .named(by: own)
        // No further than the table itself may lead.
        case .catalog(_, let kind): return .named(by: own == kind ? kind : .internet)
        }
    }

    /// The URL of a file that the table names beside another, filled in with what a listing says.
    /// - Parameters:
    ///   - place: of the build, or what ``url(_:beside:of:_:)`` gave.
    ///   - more: further placeholders.
    /// - Throws: ``VendorsError/structural(system:url:reason:)`` where that leads to a server that is neither the other file's nor one that
    ///   the row names.
    func url(
        _ template: String, beside place: String, of build: VendorBuild, _ more: [String: String] = [:]
    ) throws(VendorsError) -> String {
        try checked(build.url(beside: place, template, more), template, beside: place)
    }

    /// As above, of a name that is filled in.
    func checked(_ url: String, _ template: String, beside place: String) throws(VendorsError) -> String {
        let server = URLText.server(of: url)
        let isSame = server == URLText.server(of: place) && url.prefix { $0 != ":" } == place.prefix { $0 != ":" }
        let isNamed = URLText.isURL(template) && server.map { servers.contains($0) } == true
        guard isSame || isNamed else {
            throw .structural(
                system: id, url: URLText.public(url), reason: "is on a server that the table does not name")
        }
        return url
    }

    /// As ``URLText/server(of:)`` has them.
    var servers: Set<String> { Set(addresses.compactMap(URLText.server)) }

    /// What the row has of addresses, and of names beside them, which have no server.
    var addresses: [String] {
        listing.addresses + [proof.sums, proof.signature, proof.torrent].compactMap(\.self)
    }
}

extension VendorRow.ListingPlace {
    fileprivate var addresses: [String] { upstream + mirrors + [base, image, metalink].compactMap(\.self) }

    /// As ``URLText/server(of:)`` has them.
    var servers: Set<String> { Set(addresses.compactMap(URLText.server)) }
}

extension TableOrigin {
    /// On whose word the table's own servers are asked.
    var reach: TransferReach {
        switch self {
        case .folder: .written
        case .catalog(_, let kind): .named(by: kind)
        }
    }
}
