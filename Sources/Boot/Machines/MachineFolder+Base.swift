import Linux

extension MachineFolder {
    /// Copies what describes a version's image into the folder, so that it stays whatever becomes of the version.
    /// - Returns: `sha256:…` of the copy of its index.
    /// - Throws: ``SystemCallError``.
    func keepBase(of version: SessionImage) throws(SystemCallError) -> String {
        try MachineFiles.copy(version.image.indexPath, to: index)
        if let file = version.image.file {
            if let signature = file.signaturePath { try MachineFiles.copy(signature, to: self.signature) }
            if let beginning = file.beginningPath { try MachineFiles.copy(beginning, to: self.beginning) }
            if version.image.isUnpacked { try MachineFiles.copy(file.indexPath, to: pieces) }
        }
        if let bootSet = version.publishedBootSet { try MachineFiles.copy(bootSet, to: self.bootSet) }
        return try MachineLibrary.digest(of: index)
    }

    /// The session whose guest is the suspended machine; nil where it is not suspended.
    var suspendedSession: String? {
        SuspendMark.session(in: suspension, suspended: Folder.parent(of: path).flatMap { Folder.parent(of: $0) })
    }

    /// Names the session, see ``SuspendMark``.
    var suspension: String { "\(path)/suspended" }
}

/// A file beside a machine or a home that says which suspended guest has it. It means nothing where that guest's record is gone.
enum SuspendMark {
    /// - Parameter state: the state folder.
    static func session(in file: String, suspended state: String?) -> String? {
        // Where there is no mark, or none of ours, nothing is suspended.
        guard let state, let text = try? FileContents.readText(file, limit: 64) else { return nil }
        let id = text.filter { $0 != "\n" }
        guard SessionID.isValid(id) else { return nil }
        do throws(SystemCallError) {
            return try Paths.statusOfName("\(state)/suspended/\(id)/record.json") == nil ? nil : id
        } catch {
            // What cannot be looked at counts as there.
            return id
        }
    }

    static func set(_ id: String, in file: String) throws(SystemCallError) {
        try AtomicFile.write("\(id)\n", to: file, mode: 0o600, durable: true)
    }

    /// Removes a mark that names the session.
    static func remove(_ file: String, of id: String) {
        // One that stays means nothing, as said above.
        let text = (try? FileContents.readText(file, limit: 64)) ?? ""
        if text.filter({ $0 != "\n" }) == id { Paths.removeIfPossible(file) }
    }
}
