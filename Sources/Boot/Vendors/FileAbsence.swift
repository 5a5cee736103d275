import BlockStore
import Curl
import Synchronization
import Vendors

/// Whether the servers of a vendor's file still have it, by what their answers were; what was found out is noted.
final class FileAbsence: Sendable {
    private let file: PinnedFile
    private let notes: VendorNotes
    /// Places that said that they do not have the file.
    private let missing = Mutex<Set<String>>([])
    /// Whether it was noted: a word is enough, however many pieces are asked for.
    private let isNoted = Mutex(false)

    init(_ file: PinnedFile, _ notes: VendorNotes) { (self.file, self.notes) = (file, notes) }

    /// One of the servers does not have the file. From any thread.
    /// - Parameter place: where it is not.
    /// - Returns: whether nobody has it, as far as anybody knows: not the vendor's own server, or no server at all, and no publisher has
    ///   kept its blocks.
    func note(_ place: String) -> Bool {
        guard file.stores == nil else { return false }
        let places = missing.withLock { missing in
            missing.insert(place)
            return missing
        }
        func isMissing(_ place: PinnedFile.Place) -> Bool {
            [place.url, place.finalURL].contains { places.contains($0) || places.contains(URLText.public($0)) }
        }
        // A mirror may be behind the vendor's own server, or ahead of it.
        guard let own = file.places.first, isMissing(own) || file.places.allSatisfy(isMissing) else { return false }
        let isFirst = isNoted.withLock { isNoted in
            defer { isNoted = true }
            return !isNoted
        }
        // The next listing says so, too, or the next who asks.
        if isFirst { try? notes.noteGone(file) }
        return true
    }

    /// The servers were asked for what was wanted of the file. A vendor's own listing says which builds it has; a catalog's does not change
    /// when a file is there again.
    func settle(_ stores: BlockStores) {
        guard missing.withLock({ $0.isEmpty }), stores.pinned.contains(where: { $0 != nil }) else { return }
        // It goes on being called absent, until somebody asks again.
        try? notes.remove([.gone], file.system, file.version.text)
    }
}
