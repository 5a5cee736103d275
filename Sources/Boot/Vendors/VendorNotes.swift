import Linux
import Vendors

/// What this machine has found out about vendors' versions, as files `STATE/vendor-notes/DISTRO/VERSION.KIND`.
package struct VendorNotes: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// All of the file was here and had the digests that the note holds.
        case verified
        /// All of the file was here and was not what its vendor says: the note says why. It was thrown away.
        case wrong
        /// The vendor's servers no longer have the file.
        case gone
    }

    private let directory: String

    package init(places: Places) { directory = places.vendorNotes }

    /// Whether all of a file was here and was what its vendor says now.
    package func isVerified(_ file: PinnedFile) -> Bool {
        text(.verified, file.system, file.version.text) == VendorNotes.record(file)
    }

    /// What a note says; nil where there is none.
    package func text(_ kind: Kind, _ distribution: String, _ version: String) -> String? {
        // What cannot be read is found out again.
        try? FileContents.readText(path(kind, distribution, version), limit: 16_384)
    }

    /// - Throws: ``SystemCallError``.
    func noteVerified(_ file: PinnedFile) throws(SystemCallError) {
        try write(.verified, file.system, file.version.text, VendorNotes.record(file))
        try remove([.wrong, .gone], file.system, file.version.text)
    }

    /// - Throws: ``SystemCallError``.
    func noteWrong(_ file: PinnedFile, reason: String) throws(SystemCallError) {
        try write(.wrong, file.system, file.version.text, reason)
        try remove([.verified], file.system, file.version.text)
    }

    /// - Throws: ``SystemCallError``.
    func noteGone(_ file: PinnedFile) throws(SystemCallError) { try write(.gone, file.system, file.version.text, "") }

    /// - Throws: ``SystemCallError``.
    func remove(_ kinds: [Kind], _ distribution: String, _ version: String) throws(SystemCallError) {
        for kind in kinds { try Paths.remove(path(kind, distribution, version)) }
    }

    private func write(
        _ kind: Kind, _ distribution: String, _ version: String, _ text: String
    ) throws(SystemCallError) {
        try Folder.make("\(directory)/\(distribution)", mode: 0o700)
        try AtomicFile.write(text, to: path(kind, distribution, version), mode: 0o600, durable: true)
    }

    private func path(_ kind: Kind, _ distribution: String, _ version: String) -> String {
        "\(directory)/\(distribution)/\(version).\(kind.rawValue)"
    }

    private static func record(_ file: PinnedFile) -> String {
        (file.source.digests + [file.signedBy ?? ""]).joined(separator: "\n") + "\n"
    }
}
