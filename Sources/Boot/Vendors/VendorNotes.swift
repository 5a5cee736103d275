import BlockStore
import ImageIndex
import Linux
import Vendors

/// What is known of a vendor's file that was here as a whole.
package enum FileStanding: Sendable, Equatable {
    /// It is what the vendor has signed.
    case verified
    /// It has the digests that the vendor publishes, which nobody has signed.
    case compared
    /// There is no digest that it could be compared with.
    case unknown

    /// What it means for a file that it has all that its vendor says of it.
    init(ofRight file: PinnedFile) { self = file.source.trust >= .whole ? .verified : .compared }
}

/// What this machine has found out about vendors' versions, as files `STATE/vendor-notes/DISTRO/VERSION.KIND`; about a vendor's file that a
/// catalog names, as `CATALOG/DISTRO/VERSION.KIND` there.
package struct VendorNotes: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// All of the file was here and was what its vendor has signed: the note says what that is.
        case verified
        /// All of the file was here and had the digests of the note, which nobody has signed.
        case compared
        /// All of the file was here and was not what its vendor says: the note says why. It was thrown away.
        case wrong
        /// The vendor's servers no longer have the file: the note says at which addresses.
        case gone
    }

    private let directory: String
    private let ledgers: LedgerFolder
    private let machines: MachineLibrary

    package init(places: Places) {
        (directory, ledgers, machines) = (places.vendorNotes, places.ledgers, MachineLibrary(places: places))
    }

    /// Whether all of a file was here and was what its vendor has signed. This and ``standing(of:_:)`` are the only ones to say so.
    package func isVerified(_ file: PinnedFile) -> Bool { standing(of: file) == .verified }

    /// Whether that is so, or will have been found out before a guest starts: what must be here as a whole is judged first.
    func isVerifiedAtStart(_ file: PinnedFile) -> Bool {
        file.isWholeFirst && file.source.trust >= .whole || isVerified(file)
    }

    /// What was found of all of a file; nil where that has not happened, or what was written down of its pieces is gone.
    package func standing(of file: PinnedFile) -> FileStanding? {
        // Most have no note, and are done.
        guard text(VendorNotes.kind(of: file), file.system, file.version.text) != nil else { return nil }
        guard file.source.trust < .pieces else { return standing(of: file, nil) }
        // What cannot be opened says nothing.
        guard let index = try? ImageIndex(path: file.indexPath),
            // The same.
            let path = try? file.ledgerPath(index, in: ledgers), Paths.allows(.reading, path),
            // The same.
            let ledger = try? file.ledger(index, in: ledgers)
        else { return nil }
        return standing(of: file, ledger)
    }

    /// The same by a ledger that is open: what another one says that has its name by now counts for nothing.
    func standing(of file: PinnedFile, _ ledger: PieceLedger?) -> FileStanding? {
        // A note outlives what it is about.
        guard file.source.trust >= .pieces || ledger?.isFinished == true else { return nil }
        let note = text(VendorNotes.kind(of: file), file.system, file.version.text)
        return note == VendorNotes.record(file, ledger) ? FileStanding(ofRight: file) : nil
    }

    /// What a note says; nil where there is none.
    package func text(_ kind: Kind, _ distribution: String, _ version: String) -> String? {
        // What cannot be read is found out again.
        try? FileContents.readText(path(kind, distribution, version), limit: 16_384)
    }

    /// When a note was written, seconds since 1970; nil where there is none.
    package func time(_ kind: Kind, _ distribution: String, _ version: String) -> Int? {
        // As above.
        (try? Paths.status(path(kind, distribution, version)))?.modifiedSeconds
    }

    /// Whether a file was found wrong after it was pinned: whoever found that did not come as far as to throw it away.
    func isCondemned(_ file: PinnedFile) -> Bool {
        time(.wrong, file.system, file.version.text).map { Int64($0) >= file.pinned.seconds } ?? false
    }

    /// Notes that all of a file is here and right.
    /// - Throws: ``SystemCallError``.
    func noteRight(_ file: PinnedFile, _ ledger: PieceLedger?) throws(SystemCallError) {
        try write(VendorNotes.kind(of: file), file.system, file.version.text, VendorNotes.record(file, ledger))
        try remove([.wrong, .gone], file.system, file.version.text)
    }

    /// Notes that a file is wrong, first of all in the machines whose base it is. Call it before what is here of it is thrown away.
    /// - Throws: ``SystemCallError``.
    func noteWrong(_ file: PinnedFile, reason: String) throws(SystemCallError) {
        try machines.condemn(on: file, reason: reason)
        try write(.wrong, file.system, file.version.text, reason)
        try remove([.verified, .compared], file.system, file.version.text)
    }

    /// - Throws: ``SystemCallError``.
    func noteGone(_ file: PinnedFile) throws(SystemCallError) {
        try write(.gone, file.system, file.version.text, VendorNotes.addresses(file))
    }

    /// Of a catalog's distribution the versions of which it was noted that their files are gone, by their ids. Most have none: one look at a
    /// folder.
    func gone(in system: String) -> Set<String> {
        let ending = ".\(Kind.gone.rawValue)"
        return Set(
            Folder.namesIfAny(in: "\(directory)/\(system)").filter { $0.hasSuffix(ending) }
                .map { String($0.dropLast(ending.count)) })
    }

    /// Whether nobody has a file that a catalog names. One that it names at another address by now, or whose blocks its publisher has, is
    /// another matter.
    func isGone(_ file: PinnedFile) -> Bool {
        file.stores == nil && text(.gone, file.system, file.version.text) == VendorNotes.addresses(file)
    }

    private static func addresses(_ file: PinnedFile) -> String { file.source.urls.map { $0 + "\n" }.joined() }

    /// - Throws: ``SystemCallError``.
    package func remove(_ kinds: [Kind], _ distribution: String, _ version: String) throws(SystemCallError) {
        for kind in kinds { try Paths.remove(path(kind, distribution, version)) }
    }

    private func write(
        _ kind: Kind, _ distribution: String, _ version: String, _ text: String
    ) throws(SystemCallError) {
        try Folder.make("\(directory)/\(distribution)", mode: 0o700)
        try AtomicFile.write(text, to: path(kind, distribution, version), mode: 0o600, durable: true)
    }

    func path(_ kind: Kind, _ distribution: String, _ version: String) -> String {
        "\(directory)/\(distribution)/\(version).\(kind.rawValue)"
    }

    private static func kind(of file: PinnedFile) -> Kind {
        FileStanding(ofRight: file) == .verified ? .verified : .compared
    }

    /// What was compared with what: another key, another digest or another file's pieces are another matter.
    private static func record(_ file: PinnedFile, _ ledger: PieceLedger?) -> String {
        (file.source.digests + [file.signedBy ?? "", ledger?.key.hex ?? ""]).joined(separator: "\n") + "\n"
    }
}
