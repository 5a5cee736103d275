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

    /// As ``URLText/server(of:)`` has them.
    var servers: Set<String> { Set(addresses.compactMap(URLText.server)) }

    /// What the row has of addresses, and of names beside them, which have no server.
    var addresses: [String] {
        let texts = [listing.base, listing.image, listing.metalink, proof.sums, proof.signature, proof.torrent]
        return listing.upstream + listing.mirrors + texts.compactMap(\.self)
    }
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
