import BlockStore
import Catalog
import Curl

/// What was found out about one system of the table.
package struct VendorFinding: Sendable, Hashable, Codable {
    package enum State: String, Sendable, Hashable, Codable {
        /// Everything is as the table says.
        case good = "ok"
        /// The vendor did not answer, or not now; or nothing is installed here that verifies its signatures.
        case transient
        /// The vendor answered, and it is not what the table leads one to expect.
        case structural
        /// It cannot be verified by the keys of the table.
        case unverified
    }

    package var system: String
    package var vendor: String
    package var state = State.good
    /// What is wrong; nil for nothing.
    package var problem: String?
    /// The vendor's name of the newest build, and the version's.
    package var build: String?
    package var version: String?
    package var url: String?
    /// How many builds are offered.
    package var builds = 0
    /// Bytes of its file.
    package var size: UInt64?
    package var trust: TrustLevel
    package var digests: [String] = []
    /// The fingerprint of the key that signed; nil where that is not known before the file is whole.
    package var signedBy: String?
    package var warning: String?
    /// Whether its file must be here whole before it is of use, and what it is packed as; nil where it is streamed.
    package var downloadFirst: Bool?
    package var packed: String?
    /// What nobody could check when the table was written.
    package var unchecked: String?
}

extension VendorLibrary {
    /// Asks a vendor for a system's builds, for the newest one's sums and signature, and for the beginning of its file. Nothing is pinned.
    /// - Throws: ``VendorsError/state(path:reason:)``.
    package func examine(_ row: VendorRow) async throws(VendorsError) -> VendorFinding {
        let notes = [table.vendor(row.vendor)?.unchecked, row.unchecked] + table.keys(of: row).map(\.unchecked)
        var finding = VendorFinding(system: row.id, vendor: row.vendor, trust: .none)
        let unchecked = notes.compactMap(\.self)
        if row.isWholeFirst { (finding.downloadFirst, finding.packed) = (true, row.packing?.rawValue) }
        finding.unchecked = unchecked.isEmpty ? nil : unchecked.joined(separator: "; ")
        do {
            let known = try await refresh(
                row.id, evenIfFresh: true, age: UInt64(VendorLibrary.sharedSeconds))
            // After a failure that passes the builds are those of an earlier day.
            if let fault = fault(of: row.id) { throw fault }
            guard let newest = listing(of: row)?.versions.first(where: \.isOffered) else {
                throw VendorsError.structural(system: row.id, url: row.listing.upstream[0], reason: "has no builds")
            }
            (finding.build, finding.version, finding.url) = (newest.build.name, newest.id.text, newest.build.url)
            finding.builds = known.versions.count
            finding.size = newest.build.size
            let said = try await statements(of: row).statement(of: newest.build)
            (finding.trust, finding.digests) = (said.trust, said.digests)
            (finding.signedBy, finding.warning) = (said.signer?.fingerprint, said.signer?.warning)
            let answer = try await probe(newest.build, row, isVerified: row.proof.torrent != nil).answer
            finding.size = answer.size
            try check(newest.build, said, size: answer.size, url: newest.build.url, row)
            try inspect(answer.head, of: row, size: answer.size, url: newest.build.url)
        } catch {
            let error = VendorsError.of(error, system: row.id, url: row.listing.upstream[0])
            finding.problem = "\(error)"
            switch error {
            // That is this machine's matter, and no vendor's.
            case .state: throw error
            case .transient, .noVerifier: finding.state = .transient
            case .unverified, .cannotVerify: finding.state = .unverified
            case .structural, .gone, .noSuchSystem, .table, .catalogsTable: finding.state = .structural
            }
        }
        return finding
    }
}
