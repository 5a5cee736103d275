import FoundationEssentials
import Linux

/// The files of one suspended guest: `STATE/suspended/ID/`, which nobody else may pass. It is suspended from the moment that its record is there.
struct SuspendedFolder: Sendable {
    let id: String
    let path: String

    init(_ id: String, in places: Places) {
        self.id = id
        path = "\(places.suspended)/\(id)"
    }

    var record: String { "\(path)/record.json" }
    /// Held with flock by whoever saves the guest, resumes it or removes it.
    var lock: String { "\(path)/lock" }
    var memory: String { "\(path)/memory.zst" }
    /// Another name of the disk that takes what the guest writes; absent for a machine's.
    var overlay: String { "\(path)/overlay.qcow2" }
    /// Another name of each file under that disk, the topmost first: they are never changed.
    func layer(_ number: Int) -> String { "\(path)/layer-\(number).qcow2" }
    /// UEFI's variables; absent for a machine's.
    var variables: String { "\(path)/variables.fd" }
    /// Copies of what describes its base, as in a ``MachineFolder``.
    var base: String { "\(path)/base" }
    /// Copies of the session's files that the guest, or who logs in to it, needs.
    var session: String { "\(path)/session" }
    var credentials: String { "\(path)/session/fw" }
    var keys: String { "\(path)/keys" }
    /// The end of what the guest said on its console.
    var console: String { "\(path)/session/console" }

    /// Bytes of a record that are read.
    private static let longestRecord = 1 << 20

    private struct Head: Decodable { let format: Int }

    /// What cannot be looked at is there: nothing of it may be removed.
    var isThere: Bool {
        do throws(SystemCallError) { return try Paths.statusOfName(record) != nil } catch { return true }
    }

    /// Reads the record, and trusts nothing of it that could lead out of the folder.
    /// - Throws: ``SuspendError/noSuch(_:near:)``, ``SuspendError/damaged(_:path:reason:)``, ``SuspendError/newer(_:format:)``,
    ///   ``SuspendError/file(_:)``.
    func read() throws(SuspendError) -> SuspendRecord {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try FileContents.read(record, limit: SuspendedFolder.longestRecord)
        } catch {
            if error.isAbsent { throw .noSuch(id, near: []) }
            if error.number == .fileTooLarge { throw damaged("another program has written or damaged it") }
            throw .file(error)
        }
        do {
            let head = try JSONDecoder().decode(Head.self, from: Data(bytes))
            guard head.format <= SuspendRecord.currentFormat else { throw SuspendError.newer(id, format: head.format) }
            let record = try JSONDecoder().decode(SuspendRecord.self, from: Data(bytes))
            if let fault = record.fault(of: id) { throw damaged(fault) }
            return record
        } catch let error as SuspendError {
            throw error
        } catch {
            throw damaged("another program has written or damaged it")
        }
    }

    private func damaged(_ reason: String) -> SuspendError { .damaged(id, path: record, reason: reason) }

    /// Writes the record: afterwards the guest is suspended as it says, also after a power cut.
    /// - Throws: ``SuspendError/file(_:)``.
    func write(_ new: SuspendRecord) throws(SuspendError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        // A record is made of texts and numbers, which can always be written.
        guard let bytes = try? encoder.encode(new) else { return }
        try SuspendError.wrap { () throws(SystemCallError) in
            try AtomicFile.write([UInt8](bytes), to: record, mode: 0o600, durable: true)
            try Folder(path: path).sync()
            if let parent = Folder.parent(of: path) { try Folder(path: parent).sync() }
        }
    }

    /// Takes what is stored for oneself.
    /// - Returns: nil where somebody else has it.
    /// - Throws: ``SuspendError/file(_:)``.
    func hold() throws(SuspendError) -> FileHandle? {
        try SuspendError.wrap { () throws(SystemCallError) in
            let handle = try FileHandle(lock, for: .both, [.create, .refuseLink], mode: 0o600)
            guard try handle.lock(exclusive: true, wait: false), try handle.hasName() else { return nil }
            return handle
        }
    }
}
