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
    /// Seconds for which a file is used that was found with less to verify it by than its vendor usually gives.
    private static let weakSeconds: Int64 = 86_400

    /// Fetches and verifies what the vendor says of a version's file, and writes down what is streamed from now on. What was pinned
    /// before is used again without a question to anybody, unless the listing says that it is another file now, or something was
    /// missing that it should be verified by: whether it is still the same is what each range tells.
    /// - Throws: ``VendorsError``.
    package func pin(_ chosen: ChosenVersion) async throws -> PinnedFile {
        let row = try needed(chosen.distribution.id)
        let id = chosen.version.id
        let keys = table.keys(of: row)
        let stored: PinRecord? = read(recordPath(row.id, id))
        let record = stored.flatMap { $0.proof == row.proof && $0.keys == keys && isWhole($0.file) ? $0 : nil }
        guard let build = build(of: chosen, row, stored, verified: record?.file.source.digests.first) else {
            throw VendorsError.gone(system: row.id, build: id.text, url: row.listing.upstream.first ?? "")
        }
        let old = record.flatMap { $0.url == build.url ? $0.file : nil }
        if let old, old.fits(build), !isWeak(old, row) { return old }
        do {
            let (statement, found, mirrors) = try await ask(build, row)
            let file = try write(build, row, id, statement, found, mirrors: mirrors)
            try store(PinRecord(file: file, url: build.url, proof: row.proof, keys: keys), at: recordPath(row.id, id))
            sweep(folder(row.id, id), keeping: [file.indexPath, stored?.file.indexPath ?? ""])
            return file
        } catch {
            if let old, VendorsError.of(error, system: row.id, url: build.url).isTransient { return old }
            throw error
        }
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
        let base = folder(pinned.system, pinned.version)
        let record: PinRecord? = read(recordPath(pinned.system, pinned.version))
        // Another process may have pinned it anew. The record goes first: without it the rest is nothing.
        if record?.file.indexPath == pinned.indexPath {
            Paths.removeIfPossible(recordPath(pinned.system, pinned.version))
        }
        if let folder = Folder.parent(of: pinned.indexPath), folder.hasPrefix("\(base)/") {
            // What cannot be removed is nothing without its record.
            try? Folder.removeTree(folder)
        }
        // Others' may be there.
        _ = try? Paths.removeFolder(base)
    }

    /// Writes down what the servers said that were not asked when the file was pinned, so that the next session sees a change.
    /// - Parameter places: what is pinned of each of the file's places, in their order; nil for one that was not asked.
    package func remember(_ places: [PinnedURL?], of pinned: PinnedFile) {
        let path = recordPath(pinned.system, pinned.version)
        guard let record: PinRecord = read(path), record.file.indexPath == pinned.indexPath,
            record.file.places.count == places.count
        else { return }
        var file = record.file
        for (index, place) in places.enumerated() where !file.places[index].hasValidator {
            if let place { file.places[index].pin(place) }
        }
        guard file != record.file else { return }
        file.source.urls = file.places.map(\.finalURL)
        // The next session asks again.
        try? store(PinRecord(file: file, url: record.url, proof: record.proof, keys: record.keys), at: path)
    }

    /// Writes down that a pinned xz file can only be unpacked as a whole, which its end has shown.
    /// - Returns: the file as it is known now.
    package func noteNotInParts(_ pinned: PinnedFile) -> PinnedFile {
        var file = pinned
        (file.packing, file.isDownloadOnly, file.source.format) = (.xz, true, .raw)
        let path = recordPath(pinned.system, pinned.version)
        guard let record: PinRecord = read(path), record.file.indexPath == pinned.indexPath else { return file }
        // The next session finds it out again.
        try? store(PinRecord(file: file, url: record.url, proof: record.proof, keys: record.keys), at: path)
        return file
    }

    func statements(of row: VendorRow) -> FileStatements {
        FileStatements(
            row: row, keys: table.keys(of: row), requests: requests, keyRing: keyRing, verifier: SignatureVerifier())
    }

    // MARK: Steps

    /// - Parameter digest: what was verified when the file was pinned, by what the table says now.
    private func build(
        of chosen: ChosenVersion, _ row: VendorRow, _ record: PinRecord?, verified digest: String?
    ) -> VendorBuild? {
        if let known = listing(of: row)?.versions.first(where: { $0.id == chosen.version.id }) { return known.build }
        guard let record else { return nil }
        var build = VendorBuild(
            name: record.file.source.build ?? chosen.version.id.text, url: record.url, day: chosen.version.id.date)
        build.digest = digest
        return build
    }

    /// Whether something was missing when it was pinned, and it is time to look again.
    private func isWeak(_ file: PinnedFile, _ row: VendorRow) -> Bool {
        let age = Timestamp.now.seconds - file.pinned.seconds
        return file.source.trust < row.proof.trust && !(0..<VendorLibrary.weakSeconds).contains(age)
    }

    /// Asks for all that is to be known of a file, at the same time.
    private func ask(
        _ build: VendorBuild, _ row: VendorRow
    ) async throws -> (FileStatement, (url: String, answer: RangeProbe.Answer), mirrors: [String]) {
        let isVerified = row.proof.torrent != nil
        async let statement = statements(of: row).statement(of: build)
        async let answer = probe(build, row, isVerified: isVerified)
        async let mirrors = metalink(of: build, row, isVerified: isVerified)
        let said = try await statement
        guard isVerified, said.torrent == nil else { return (said, try await answer, await mirrors) }
        // No piece is verified as it comes after all: nothing leads from https to http then.
        _ = try? await answer
        let own = try await probe(build, row, isVerified: false)
        let isPlain = build.url.hasPrefix("http:")
        return (said, own, await mirrors.filter { isPlain || $0.hasPrefix("https:") })
    }

    /// Asks the vendor's own server, then its mirrors, for the file's beginning.
    func probe(
        _ build: VendorBuild, _ row: VendorRow, isVerified: Bool
    ) async throws -> (url: String, answer: RangeProbe.Answer) {
        var failure: VendorsError?
        for url in row.urls(of: build.url) {
            do {
                let answer = try await RangeProbe.ask(
                    TransferPlace(url, reach: row.reach(of: url)), size: build.size, isVerified: isVerified,
                    transfers: requests.transfers)
                return (url, answer)
            } catch {
                failure = failure ?? VendorsError.of(error, system: row.id, url: url)
            }
        }
        throw failure ?? .gone(system: row.id, build: build.name, url: build.url)
    }

    private func metalink(of build: VendorBuild, _ row: VendorRow, isVerified: Bool) async -> [String] {
        guard let name = row.listing.metalink else { return [] }
        // The file is where it is, with or without mirrors.
        guard let url = try? row.url(name, beside: build.url, of: build, ["image": URLText.encoded(build.fileName)]),
            // As above.
            let answer = try? await requests.get(url, limit: Metalink.longest, of: row.id).bytes
        else { return [] }
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
        var places = [PinnedFile.Place(url: found.url, reach: row.reach(of: found.url), pinned: first)]
        for url in row.urls(of: build.url) + mirrors where !places.contains(where: { $0.url == url }) {
            places.append(PinnedFile.Place(url: url, reach: row.reach(of: url)))
        }
        // A folder of its own, so that who has another in use goes on with that.
        let name = "\(Timestamp.now.seconds)-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
        let folder = "\(folder(row.id, id))/\(name)"
        let source = VersionSource(
            urls: places.map(\.finalURL), format: row.format, size: size, digests: said.digests, trust: said.trust,
            build: build.name)
        var file = PinnedFile(
            system: row.id, version: id, source: source, places: places, signedBy: said.signer?.fingerprint,
            warning: said.signer?.warning, indexPath: "\(folder)/index", isDownloadOnly: row.isDownloadOnly,
            packing: row.packing, guest: row.guest, pinned: .now)
        do {
            try Folder.make(folder, mode: 0o700)
            if let signature = said.signature {
                file.signaturePath = "\(folder)/signature"
                try AtomicFile.write(signature, to: "\(folder)/signature", mode: 0o600)
            }
            file.beginningPath = "\(folder)/beginning"
            try AtomicFile.write(found.answer.head, to: "\(folder)/beginning", mode: 0o600)
            if let torrent = said.torrent {
                try LBCASIndexWriter.write(
                    sha1: torrent.pieces.flatMap { $0.withUnsafeBytes { Array($0.prefix(20)) } },
                    pieceLength: torrent.pieceLength, fileSize: size, to: file.indexPath)
            } else {
                let key =
                    said.digests.first.map { PieceKey(digest: $0) }
                    ?? PieceKey(url: build.url, size: size, time: first?.lastModified ?? "")
                try ImageIndexWriter.write(pieces: key, fileSize: size, to: file.indexPath)
            }
        } catch ImageIndexError.malformed(let reason) {
            throw VendorsError.structural(
                system: row.id, url: URLText.public(found.url), reason: "cannot be read in pieces: \(reason)")
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

    /// Removes folders of earlier pins that nobody should have in use any more.
    private func sweep(_ base: String, keeping: [String]) {
        // What cannot be looked at stays.
        guard let folder = try? Folder(path: base) else { return }
        for name in Folder.namesIfAny(in: base) where !keeping.contains("\(base)/\(name)/index") {
            // What cannot be looked at or removed stays; the next pin tries again.
            guard let entry = try? folder.entry(name), !entry.isRegularFile,
                Timestamp.now.seconds - entry.modified / 1_000_000_000 > VendorLibrary.longestUse
            else { continue }
            // As above.
            try? Folder.removeTree("\(base)/\(name)")
        }
    }

    /// Seconds for which a session may have a pin in use that another has replaced.
    private static let longestUse: Int64 = 30 * 86_400

    private func isWhole(_ file: PinnedFile) -> Bool { Paths.allows(.reading, file.indexPath) }
}

extension PinnedFile {
    /// Whether a listing does not say that it is another file now.
    fileprivate func fits(_ build: VendorBuild) -> Bool {
        if let size = build.size, size != source.size { return false }
        guard let digest = build.digest else { return true }
        let kind = "\(digest.prefix { $0 != ":" }):"
        return source.digests.allSatisfy { !$0.hasPrefix(kind) || $0 == digest }
    }
}
