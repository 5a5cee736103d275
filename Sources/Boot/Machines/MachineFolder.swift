import GuestDomain
import Linux

/// The files of one kept machine: `STATE/machines/NAME/`, which nobody else may pass. QEMU's own user reaches the disk by links beside the overlays
/// of other guests, see ``MachineDiskLinks``.
package struct MachineFolder: Sendable {
    /// Of the folder; while the machine is made or removed, it has another one that begins with a dot.
    package let name: String
    package let path: String

    init(name: String, path: String) {
        self.name = name
        self.path = path
    }

    /// What its folder is called while it is made, before the session's or command's id.
    static let unfinished = ".new-"
    /// What is left of one that was forgotten.
    static let forgotten = ".forgotten-"

    var record: String { "\(path)/record.json" }
    /// Held with flock by whoever runs or changes the machine; says who that is.
    var lock: String { "\(path)/lock" }
    var layers: String { "\(path)/layers" }
    func layer(_ id: String) -> String { "\(layers)/\(id).qcow2" }
    /// UEFI's variables, as they go with a layer.
    func variables(_ id: String) -> String { "\(layers)/\(id).fd" }
    /// Why the machine must not start any more, see ``condemn(_:)``; absent where it may.
    var fault: String { "\(path)/fault" }
    /// Copies of what describes the base.
    var index: String { "\(path)/index" }
    /// The index of the pieces of the packed file that the base was unpacked from; absent where it was not packed.
    var pieces: String { "\(path)/pieces" }
    var bootSet: String { "\(path)/bootset" }
    var signature: String { "\(path)/signature" }
    var beginning: String { "\(path)/beginning" }
    /// The password for its console, 0600; absent where none was made.
    var password: String { "\(path)/password" }
    /// The user's own orders for the first boot.
    var userData: String { "\(path)/user-data" }
    /// The key into the guest, which cloud-init reads only once.
    var keyIntoGuest: String { "\(path)/host_ed25519" }

    /// Reads the record, and trusts nothing of it that could lead out of the folder.
    /// - Throws: ``MachineError/damaged(_:path:reason:)``, ``MachineError/newer(_:format:)``, ``MachineError/file(_:)``.
    package func read() throws(MachineError) -> MachineRecord {
        var found: MachineRecord
        do throws(RecordFile.Fault) {
            found = try RecordFile(path: record).read(upTo: MachineRecord.currentFormat)
        } catch {
            switch error {
            case .absent: throw damaged("it is not there")
            case .damaged(let reason): throw damaged(reason)
            case .newer(let format): throw .newer(name, format: format)
            case .file(let cause): throw .file(cause)
            }
        }
        if let fault = found.faultOfContents { throw damaged(fault) }
        found.fault = try condemnation() ?? found.fault
        return found
    }

    func damaged(_ reason: String) -> MachineError { .damaged(name, path: record, reason: reason) }

    /// Writes the record: afterwards the machine is as it says, also after a power cut.
    /// - Throws: ``MachineError/file(_:)``.
    func write(_ new: MachineRecord) throws(MachineError) {
        do throws(SystemCallError) { try RecordFile(path: record).write(new) } catch { throw .file(error) }
    }

    /// Writes down why the machine must not start any more. In a file of its own, for which nobody needs to hold the machine: who runs or
    /// changes it writes its record.
    /// - Throws: ``SystemCallError``.
    func condemn(_ reason: String) throws(SystemCallError) {
        try AtomicFile.write(String(reason.prefix(4096)) + "\n", to: fault, mode: 0o600, durable: true)
        try Folder(path: path).sync()
    }

    /// What ``condemn(_:)`` has written; nil where it has not.
    func condemnation() throws(MachineError) -> String? {
        do throws(SystemCallError) {
            return try FileContents.readText(fault, limit: 1 << 16).split(separator: "\n").joined(separator: " ")
        } catch {
            if error.isAbsent { return nil }
            throw .file(error)
        }
    }
}

/// Holds a machine's lock: while this lives, nobody else runs or changes the machine.
package final class MachineHold: Sendable {
    package let folder: MachineFolder
    private let lock: FileHandle

    private init(folder: MachineFolder, lock: FileHandle) {
        self.folder = folder
        self.lock = lock
    }

    /// Milliseconds for which a command waits for another one that only looks.
    static let usualPatience = 500

    /// - Parameters:
    ///   - session: the one that will run it; nil for a command.
    ///   - patience: milliseconds for which it is tried.
    ///   - isLeft: whether something is left of a session that held it and was killed.
    /// - Throws: ``MachineError/running(_:session:)``, ``MachineError/busy(_:)``, ``MachineError/noSuchMachine(_:near:)``.
    static func take(
        _ folder: MachineFolder, session: String? = nil, create: Bool = false, patience: Int = usualPatience,
        isLeft: (String) -> Bool = { _ in false }
    ) throws(MachineError) -> MachineHold {
        do throws(SystemCallError) {
            var options: OpenOptions = [.refuseLink]
            if create { options.insert(.create) }
            let lock: FileHandle
            do throws(SystemCallError) {
                lock = try FileHandle(folder.lock, for: .both, options, mode: 0o600)
            } catch  where error.number == .noSuchFile && Folder.isFolder(folder.path) {
                // One whose lock was lost can be locked all the same.
                lock = try FileHandle(folder.lock, for: .both, [.refuseLink, .create], mode: 0o600)
            }
            guard try lock.lock(exclusive: true, within: patience) else {
                throw SystemCallError(.wouldBlock, call: "flock", subject: folder.lock)
            }
            // It may have been renamed or forgotten meanwhile.
            guard try Paths.status(folder.lock)?.identity == lock.status().identity else {
                throw SystemCallError(.noSuchFile, call: "open", subject: folder.lock)
            }
            if !create, let last = holder(in: String(decoding: try lock.bytes(256), as: UTF8.self)), last != session,
                isLeft(last)
            {
                throw SystemCallError(.wouldBlock, call: "flock", subject: folder.lock)
            }
            try HolderFile.note(session.map { "session \($0)" } ?? "command \(CurrentProcess.id)", in: lock)
            return MachineHold(folder: folder, lock: lock)
        } catch {
            if error.number == .wouldBlock {
                if let session = folder.holder { throw .running(folder.name, session: session) }
                throw .busy(folder.name)
            }
            if error.isAbsent { throw .noSuchMachine(folder.name, near: []) }
            throw .file(error)
        }
    }

    /// The session that wrote its name into a lock; nil for none.
    fileprivate static func holder(in text: String) -> String? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, words[0] == "session", SessionID.isValid(String(words[1])) else { return nil }
        return String(words[1])
    }

    /// The same machine under another name of its folder.
    func moved(to folder: MachineFolder) -> MachineHold { MachineHold(folder: folder, lock: lock) }
}

extension MachineFolder {
    /// The session that holds the machine, as it wrote it down; nil for none that is known.
    fileprivate var holder: String? {
        MachineHold.holder(in: HolderFile(path: lock).text)
    }

    /// Whether somebody runs or changes it now, and the session that does. What cannot be found out counts as no.
    package var use: (isHeld: Bool, session: String?) {
        HolderFile(path: lock).isHeld ? (true, holder) : (false, nil)
    }
}
