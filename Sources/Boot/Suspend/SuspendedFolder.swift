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

    /// What cannot be looked at is there: nothing of it may be removed.
    var isThere: Bool {
        do throws(SystemCallError) { return try Paths.statusOfName(record) != nil } catch { return true }
    }

    /// Reads the record, and trusts nothing of it that could lead out of the folder.
    /// - Throws: ``SuspendError/noSuch(_:near:)``, ``SuspendError/damaged(_:path:reason:)``, ``SuspendError/newer(_:format:)``,
    ///   ``SuspendError/file(_:)``.
    func read() throws(SuspendError) -> SuspendRecord {
        let found: SuspendRecord
        do throws(RecordFile.Fault) {
            found = try RecordFile(path: record).read(upTo: SuspendRecord.currentFormat)
        } catch {
            switch error {
            case .absent: throw .noSuch(id, near: [])
            case .damaged(let reason): throw damaged(reason)
            case .newer(let format): throw .newer(id, format: format)
            case .file(let cause): throw .file(cause)
            }
        }
        if let fault = found.fault(of: id) { throw damaged(fault) }
        return found
    }

    private func damaged(_ reason: String) -> SuspendError { .damaged(id, path: record, reason: reason) }

    /// Writes the record: afterwards the guest is suspended as it says, also after a power cut.
    /// - Throws: ``SuspendError/file(_:)``.
    func write(_ new: SuspendRecord) throws(SuspendError) {
        try SuspendError.wrap { () throws(SystemCallError) in
            try RecordFile(path: record).write(new)
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
