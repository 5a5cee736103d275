import Curl

extension VendorRow {
    /// On whose word a server is asked: the table's for the servers that this row names, and for all others the vendor's own server's. What
    /// a listing or a list of mirrors says leads to the internet, and into another network only where that server is.
    func reach(of url: String) -> TransferReach {
        if let server = URLText.server(of: url), servers.contains(server) { return .written }
        let own = URLText.host(of: listing.upstream.first ?? "").flatMap { AddressKind(host: $0) }
        return .named(by: own ?? .internet)
    }

    private var servers: Set<String> {
        let texts = [listing.base, listing.image, listing.metalink, proof.sums, proof.signature, proof.torrent]
        // Names of files have no server.
        return Set((listing.upstream + listing.mirrors + texts.compactMap(\.self)).compactMap(URLText.server))
    }
}
