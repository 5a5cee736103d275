import ContentAddress
import FoundationEssentials
import GuestDomain
import Linux

/// Why something was of no use: a file in `CACHE/warm/tried`, which holds for this release of the program and for this QEMU.
private struct Try: Codable {
    let reason: String
    /// See ``WarmRecord/xmlVersion`` and ``WarmRecord/park``.
    let xmlVersion: Int
    let park: Int
    /// Nil where libvirt did not say.
    let emulator: MemoryOrigin.EmulatorVersion?

    func holds(_ now: MemoryOrigin.EmulatorVersion?) -> Bool {
        xmlVersion == DomainXML.version && park == WarmRecord.currentPark
            && (emulator == nil || now == nil || emulator == now)
    }
}

/// What was tried to no avail, by name: the making of a state by its key, see ``WarmNeeds/key``; a state that was made for others by its own
/// name, see ``WarmRecord/ownName``. Neither says anything about the other.
extension WarmLibrary {
    /// Why a state is not made again by itself, or a published one not fetched again; nil where nothing speaks against it. Whoever asks for it
    /// by name has it tried again.
    /// - Parameter emulator: the QEMU that would run it; nil where that is not known.
    func tried(_ name: String, _ emulator: MemoryOrigin.EmulatorVersion?) -> String? {
        // Without the file it was not tried; nor does one count that another release wrote in another way.
        guard let bytes = try? FileContents.read("\(path)/tried/\(name)", limit: 4096),
            // The same.
            let note = try? JSONDecoder().decode(Try.self, from: Data(bytes)), note.holds(emulator)
        else { return nil }
        return note.reason
    }

    /// Writes down why something is not tried again by itself.
    func noteTried(_ name: String, _ reason: String, _ emulator: MemoryOrigin.EmulatorVersion?) {
        let note = Try(
            reason: String(reason.prefix(1000)), xmlVersion: DomainXML.version, park: WarmRecord.currentPark,
            emulator: emulator)
        // It is made of texts and numbers, which can always be written.
        guard let bytes = try? JSONEncoder().encode(note) else { return }
        // Without the note it is tried once more.
        guard (try? checkIsOwn()) != nil else { return }
        // As above.
        try? Folder.make("\(path)/tried", mode: 0o700)
        // As above.
        try? AtomicFile.write([UInt8](bytes), to: "\(path)/tried/\(name)", mode: 0o600)
    }

    /// Forgets what was tried. Best effort.
    package func forgetTries() {
        // The doc comment's reason.
        try? Folder.removeTree("\(path)/tried")
    }
}

extension WarmRecord {
    /// The name of just this state, whoever has it: as long as a key, and none.
    var ownName: String { String(memory.digest.split(separator: ":").last?.prefix(32) ?? "") }
}
