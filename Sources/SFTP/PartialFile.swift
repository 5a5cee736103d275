import Linux

/// A file of this host that is being made: it has another name until it is whole, and nothing stays of it otherwise.
final class PartialFile {
    private let folder: Folder
    private let name: String
    private let handle: FileHandle
    private var isFinished = false

    /// - Parameter permissions: before the umask; without set-user-id and the like.
    /// - Throws: ``SystemCallError`` of `openat`.
    init(in folder: Folder, permissions: UInt32) throws(SystemCallError) {
        self.folder = folder
        name = PartialFile.randomName()
        handle = try folder.file(
            name, for: .writing, [.createNew, .refuseLink], mode: FilePermissions(permissions & 0o777))
    }

    static func randomName() -> String { ".oscircular-\(String(UInt64.random(in: .min ... .max), radix: 36)).part" }

    deinit {
        // The next copy has another name.
        if !isFinished { _ = try? folder.remove(name) }
    }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(SystemCallError) {
        try bytes.withUnsafeBufferPointer { bytes throws(SystemCallError) in
            try handle.write(UnsafeRawBufferPointer(bytes), at: Int(clamping: offset))
        }
    }

    /// Gives it its name.
    /// - Throws: ``SystemCallError``; EEXIST where something has the name, and it does not overwrite.
    func finish(as final: String, overwrites: Bool) throws(SystemCallError) {
        if overwrites {
            try folder.rename(name, to: final)
        } else {
            try folder.renameUnlessTaken(name, to: final)
        }
        isFinished = true
    }
}
