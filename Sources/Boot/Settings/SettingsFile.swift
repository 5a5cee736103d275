import Linux

/// The user's own configuration file, of which the menu changes sections of systems.
package struct SettingsFile: Sendable {
    /// More than anybody writes, and no more than ``Configuration`` reads.
    private static let limit = 1 << 20

    package let path: String

    package init(path: String) { self.path = path }

    /// Sets what a system has in this file: of the text only that section changes. A file that is a link stays one; one that is not
    /// there is made. Waits for the disk.
    /// - Parameter system: `CATALOG/DISTRO`.
    /// - Throws: ``BootError/configuration(file:key:reason:)`` where the file is wrong, or written in a way that cannot be changed here,
    ///   ``BootError/file(_:)``. The file is as it was then.
    package func set(_ settings: SystemSettings, of system: String) throws(BootError) {
        // What it leads to is replaced, not the link.
        let place = ResolvedPath.resolve(path)
        let old = try contents(place)
        let new = try changed(old.bytes, settings, of: system)
        guard new != old.bytes else { return }
        do throws(SystemCallError) {
            if let folder = Folder.parent(of: place) { try Folder.make(folder, mode: 0o700) }
            try AtomicFile.write(new, to: place, mode: old.mode ?? 0o644, durable: true)
            // The umask may have taken bits that the file had.
            if let mode = old.mode { try Paths.setPermissions(place, mode) }
        } catch {
            throw .file(error)
        }
    }

    /// What is in the file, and its permissions; nil where there is none.
    private func contents(_ place: String) throws(BootError) -> (bytes: [UInt8], mode: FilePermissions?) {
        do throws(SystemCallError) {
            guard let status = try Paths.status(place) else { return ([], nil) }
            // A rename would not ask whether the user may write to the file.
            try Paths.checkWritable(place)
            return (try FileContents.read(place, limit: SettingsFile.limit), status.permissions)
        } catch {
            // The error of a read does not name the file.
            throw .file(SystemCallError(code: error.code, call: error.call, subject: place))
        }
    }

    /// The text with these settings of a system.
    private func changed(
        _ old: [UInt8], _ settings: SystemSettings, of system: String
    ) throws(BootError) -> [UInt8] {
        let before = try read(old)
        let known = before.systems[system] ?? SystemSettings()
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
