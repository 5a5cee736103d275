import BlockStore
import Catalog
import ContentAddress
import Curl
import ImageIndex
import Linux
import Upstream

/// A pinned file, and what it was pinned by: another table's proof pins it anew.
private struct PinRecord: Codable {
    let file: PinnedFile
    let url: String
    let proof: VendorRow.Proof
    let keys: [Vendor.PinnedKey]
}

extension VendorLibrary {
    /// Bytes of a piece whose digest nobody has signed.
    private static let pieceLength = 262_144

    /// Fetches and verifies what the vendor says of a version's file, and writes down what is streamed from now on. What was pinned
    /// before is used again without a question to anybody: whether it is still that is what each range tells.
    /// - Throws: ``VendorsError``.
    package func pin(_ chosen: ChosenVersion) async throws -> PinnedFile {
        let row = try needed(chosen.distribution.id)
        let id = chosen.version.id
        guard let build = build(of: chosen, row) else {
            throw VendorsError.gone(system: row.id, build: id.text, url: row.listing.upstream.first ?? "")
        }
        let keys = table.keys(of: row)
        if let record: PinRecord = read(recordPath(row.id, id)), record.url == build.url, record.proof == row.proof,
            record.keys == keys, isWhole(record.file)
        {
            return record.file
        }
        let statements = statements(of: row)
        let isVerified = row.proof.torrent != nil
        async let statement = statements.statement(of: build)
        async let answer = probe(build, row, isVerified: isVerified)
        async let mirrors = metalink(of: build, row, isVerified: isVerified)
        let said = try await statement
        let file = try write(build, row, id, said, try await answer, mirrors: await mirrors)
        try store(
            PinRecord(file: file, url: build.url, proof: row.proof, keys: keys), at: recordPath(row.id, id))
        return file
    }

    /// What was pinned of a version earlier; nil for nothing. Asks nobody.
    package func pinned(_ distribution: String, _ version: VersionID) -> PinnedFile? {
        guard let row = table.row(distribution), let record: PinRecord = read(recordPath(row.id, version)),
            isWhole(record.file)
        else { return nil }
        return record.file
    }

    /// Forgets what was pinned of a version, its index and digests.
    package func forget(_ pinned: PinnedFile) {
        // The record goes first: without it the rest is nothing. What cannot be removed is replaced by the next pin.
        Paths.removeIfPossible(recordPath(pinned.system, pinned.version))
        // As above.
        try? Folder.removeTree(folder(pinned.system, pinned.version))
    }

    func statements(of row: VendorRow) -> FileStatements {
        FileStatements(
            row: row, keys: table.keys(of: row), requests: requests, keyRing: keyRing, verifier: SignatureVerifier())
    }

    // MARK: Steps

    private func build(of chosen: ChosenVersion, _ row: VendorRow) -> VendorBuild? {
        if let known = listing(of: row)?.versions.first(where: { $0.id == chosen.version.id }) { return known.build }
        guard let record: PinRecord = read(recordPath(row.id, chosen.version.id)) else { return nil }
        var build = VendorBuild(
            name: record.file.source.build ?? chosen.version.id.text, url: record.url, day: chosen.version.id.date)
        build.digest = record.file.source.digests.first
        return build
    }

    /// Asks the vendor's own server, then its mirrors, for the file's beginning.
    func probe(
        _ build: VendorBuild, _ row: VendorRow, isVerified: Bool
    ) async throws -> (url: String, answer: RangeProbe.Answer) {
        var failure: VendorsError?
        for url in row.urls(of: build.url) {
            do {
                let answer = try await RangeProbe.ask(
                    TransferPlace(url), size: build.size, isVerified: isVerified, transfers: requests.transfers)
                return (url, answer)
            } catch {
                failure = failure ?? VendorsError.of(error, system: row.id, url: url)
            }
        }
        throw failure ?? .gone(system: row.id, build: build.name, url: build.url)
    }

    private func metalink(of build: VendorBuild, _ row: VendorRow, isVerified: Bool) async -> [String] {
        guard let name = row.listing.metalink else { return [] }
        let url = build.url(beside: build.url, name, ["image": URLText.encoded(build.fileName)])
        // The file is where it is, with or without mirrors.
        guard let answer = try? await requests.get(url, limit: Metalink.longest, of: row.id).bytes else { return [] }
        return Metalink.mirrors(
            String(decoding: answer, as: UTF8.self), file: build.url,
            allowsPlain: isVerified || build.url.hasPrefix("http:"))
    }

    /// Whether the file is as long as all who speak of its length say.
    /// - Throws: ``VendorsError/structural(system:url:reason:)``.
    func check(
        _ build: VendorBuild, _ said: FileStatement, size: UInt64, url: String, _ row: VendorRow
    ) throws(VendorsError) {
        let told = [
            ("list of builds", build.size), ("list of digests", said.size), ("torrent", said.torrent?.length),
        ]
        for case (let who, let told?) in told where told != size {
            throw .structural(
                system: row.id, url: URLText.public(url),
                reason: "has \(size) bytes, where the vendor's \(who) says \(told)")
        }
    }

    /// Writes index and first bytes; the record that makes them count comes afterwards.
    private func write(
        _ build: VendorBuild, _ row: VendorRow, _ id: VersionID, _ said: FileStatement,
        _ found: (url: String, answer: RangeProbe.Answer), mirrors: [String]
    ) throws -> PinnedFile {
        let size = found.answer.size
        try check(build, said, size: size, url: found.url, row)
        try inspect(found.answer.head, of: row, size: size, url: found.url)
        let first = found.answer.place.pinned
        var places = [
            PinnedFile.Place(
                url: found.url, finalURL: first?.url ?? found.url, etag: first?.entityTag,
                lastModified: first?.lastModified)
        ]
        for url in row.urls(of: build.url) + mirrors where !places.contains(where: { $0.url == url }) {
            places.append(PinnedFile.Place(url: url, finalURL: url))
        }
        let folder = folder(row.id, id)
        let source = VersionSource(
            urls: places.map(\.finalURL), format: row.format, size: size, digests: said.digests, trust: said.trust,
            build: build.name)
        var file = PinnedFile(
            system: row.id, version: id, source: source, places: places, signedBy: said.signer?.fingerprint,
            warning: said.signer?.warning, indexPath: "\(folder)/index", isDownloadOnly: row.isDownloadOnly,
            packing: row.packing, guest: row.guest, pinned: .now)
        do {
            // Digests of pieces of another file must not stay under this one's name.
            try Folder.removeTree(folder)
            try Folder.make(folder, mode: 0o700)
            if let signature = said.signature {
                file.signaturePath = "\(folder)/signature"
                try AtomicFile.write(signature, to: "\(folder)/signature", mode: 0o600)
            }
            file.beginningPath = "\(folder)/beginning"
            try AtomicFile.write(found.answer.head, to: "\(folder)/beginning", mode: 0o600)
            if let torrent = said.torrent {
                try LBCASIndexWriter.write(
                    LBCASHeader(blockSize: torrent.pieceLength, imageSize: size), blocks: torrent.pieces,
                    to: file.indexPath)
            } else {
                let key =
                    said.digests.first.map { PieceKey(digest: $0) }
                    ?? PieceKey(url: build.url, size: size, time: first?.lastModified ?? "")
                let count = Int((size - 1) / UInt64(VendorLibrary.pieceLength)) + 1
                try ImageIndexWriter.write(
                    blocks: (0..<count).map(key.id), blockSize: VendorLibrary.pieceLength, imageSize: size,
                    algorithm: .sha256, to: file.indexPath)
                file.ledgerPath = "\(folder)/ledger"
            }
        } catch {
            throw VendorsError.state(path: folder, reason: words(of: error))
        }
        return file
    }

    // MARK: Files

    private func folder(_ system: String, _ version: VersionID) -> String { "\(directory)/pins/\(system)/\(version)" }

    private func recordPath(_ system: String, _ version: VersionID) -> String {
        "\(folder(system, version))/pinned.json"
    }

    private func isWhole(_ file: PinnedFile) -> Bool { Paths.allows(.reading, file.indexPath) }
}
