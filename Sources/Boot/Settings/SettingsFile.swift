import Linux

/// The user's own configuration file, of which the menu changes sections of systems.
package struct SettingsFile: Sendable {
    /// More than anybody writes, and no more than ``Configuration`` reads.
    private static let limit = 1 << 20

    package let path: String

    package init(path: String) { self.path = path }

    /// Sets what a system has in this file: of the text only that section changes, and of it what differs from ``seen``. A file that is a
    /// link stays one; one that is not there is made. Waits for the disk.
    /// - Parameters:
    ///   - seen: what the file had for the system when it was shown to whoever changed it; nil sets all of it.
    ///   - system: `CATALOG/DISTRO`.
    /// - Throws: ``BootError/configuration(file:key:reason:)`` where the file is wrong, or written in a way that cannot be changed here,
    ///   ``BootError/file(_:)``. The file is as it was then.
    package func set(
        _ settings: SystemSettings, replacing seen: SystemSettings? = nil, of system: String
    ) throws(BootError) {
        // What it leads to is replaced, not the link.
        let place = ResolvedPath.resolve(path)
        // Whoever writes to it at the same time, an editor say, is not undone: the change is made of what is there then.
        for _ in 0..<SettingsFile.tries {
            let old = try contents(place)
            let new = try changed(old.bytes, settings, replacing: seen, of: system)
            if new == old.bytes { return }
            do throws(SystemCallError) {
                if try replace(place, old, with: new) { return }
            } catch {
                throw .file(error)
            }
        }
        throw .configuration(
            file: path, key: Configuration.key(ofSystem: system), reason: "another program is changing the file")
    }

    private static let tries = 5

    /// - Returns: false where the file has become another; it stays that.
    private func replace(_ place: String, _ old: Contents, with new: [UInt8]) throws(SystemCallError) -> Bool {
        if let folder = Folder.parent(of: place) { try Folder.make(folder, mode: 0o700) }
        let temporary = AtomicFile.temporaryName(for: place)
        do throws(SystemCallError) {
            let owned = old.owned
            let file = try FileHandle(
                temporary, for: .writing, [.createNew, .refuseLink], mode: owned?.permissions ?? 0o644)
            try new.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
            if let owned, CurrentUser.isRoot { try file.setOwner(owned.owner, owned.group) }
            // The umask may have taken bits that the file had.
            if let owned { try file.setPermissions(owned.permissions) }
            try file.sync()
            let now = try Paths.status(place) == nil ? nil : try FileContents.read(place, limit: SettingsFile.limit)
            if now == (old.owned == nil ? nil : old.bytes) {
                try Paths.rename(temporary, to: place)
                return true
            }
        } catch {
            Paths.removeIfPossible(temporary)
            throw error
        }
        Paths.removeIfPossible(temporary)
        return false
    }

    /// What is in the file, and whose it is; nil where there is none.
    private typealias Contents = (
        bytes: [UInt8], owned: (owner: UserID, group: GroupID, permissions: FilePermissions)?
    )

    private func contents(_ place: String) throws(BootError) -> Contents {
        do throws(SystemCallError) {
            guard let status = try Paths.status(place) else { return ([], nil) }
            // A rename would not ask whether the user may write to the file.
            try Paths.checkWritable(place)
            let owned = (status.owner, status.group, status.permissions)
            return (try FileContents.read(place, limit: SettingsFile.limit), owned)
        } catch {
            // The error of a read does not name the file.
            throw .file(SystemCallError(code: error.code, call: error.call, subject: place))
        }
    }

    /// The text with these settings of a system.
    private func changed(
        _ old: [UInt8], _ asked: SystemSettings, replacing seen: SystemSettings?, of system: String
    ) throws(BootError) -> [UInt8] {
        let before = try read(old)
        let known = before.systems[system] ?? SystemSettings()
        let settings = seen.map { asked.changes(of: $0, over: known) } ?? asked
        if known == settings { return old }
        let wanted = SystemSettings.Key.allCases.map {
            SettingsText.Setting(key: $0.rawValue, literal: settings.literal($0))
        }
        let new = SettingsText(old)?.setting(["system", system], wanted) { key in
            SystemSettings.Key(rawValue: key).map { settings.text($0) != known.text($0) } ?? false
        }
        var expected = before
        expected.systems[system] = settings.isEmpty ? nil : settings
        // A text that is not understood well enough is never written.
        guard let new, let after = try? read(new), after == expected else {
            throw .configuration(
                file: path, key: Configuration.key(ofSystem: system),
                reason: "is written in a way that cannot be changed here: change it with an editor")
        }
        return new
    }

    private func read(_ bytes: [UInt8]) throws(BootError) -> Configuration {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .configuration(file: path, key: "", reason: "is not UTF-8 text")
        }
        var configuration = Configuration()
        try configuration.apply(text, file: path)
        return configuration
    }
}
