import ContentAddress
import FoundationEssentials
import Linux

/// Writes a warm state as a publisher signs it: `record.json`, and `state` with the bytes that the record describes.
package enum WarmExport {
    /// Waits for the disk, and packs for a minute.
    /// - Parameters:
    ///   - state: of a template that was made for others, see ``WarmRecord/isForOthers``.
    ///   - folder: made (0700); removed again where nothing comes of it.
    /// - Returns: bytes of the state.
    /// - Throws: ``PublishedStateError``: it has secrets, or cannot go on elsewhere; ``SystemCallError``, `ZstdError`.
    @discardableResult
    package static func write(_ state: WarmState, to folder: String) throws -> UInt64 {
        let record = state.record
        guard record.isForOthers == true else {
            throw PublishedStateError.notPortable("its template was not made for others")
        }
        guard let processor = record.guest.portableProcessor, record.memory.origin.processor == nil else {
            throw PublishedStateError.notPortable("its guest sees this machine's own processor")
        }
        try Folder.makeNew(folder, mode: 0o700)
        do {
            return try write(state, processor, to: folder)
        } catch {
            // A folder that stays is the caller's to remove.
            try? Folder.removeTree(folder)
            throw error
        }
    }

    private static func write(_ state: WarmState, _ processor: String, to folder: String) throws -> UInt64 {
        var record = state.record
        let bytes = "\(folder)/state"
        let written = try search { look in
            try MemoryRepacking.repack(state.folder.memory, to: bytes, look: look)
        }
        guard written.content == record.memory.content else {
            throw PublishedStateError.damaged("its memory has another length than its record says")
        }
        (record.memory.size, record.memory.digest) = (written.size, written.digest)
        var parts = [PublishedRecord.Part(name: .memory, size: written.size)]
        let file = try FileHandle(bytes, for: .writing, .refuseLink)
        var end = Int(clamping: written.size)
        for name in PublishedRecord.Part.Name.allCases where name != .memory && record.parts.contains(name) {
            let path = state.folder.path(of: name)
            let count = try search { look in try copy(path, to: file, at: end, record.digest(of: name), look: look) }
            if name == .overlay, let fault = try FrozenDisk.fault(of: path) {
                throw PublishedStateError.damaged("its disk \(fault)")
            }
            parts.append(.init(name: name, size: UInt64(count)))
            end += count
        }
        try file.sync()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let published = PublishedRecord(processor: processor, parts: parts, state: record)
        try AtomicFile.write(Array(try encoder.encode(published)), to: "\(folder)/record.json", mode: 0o600)
        return UInt64(end)
    }

    /// Gives `body` what looks at bytes, and refuses those with secrets.
    private static func search<Result>(_ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Result) throws
        -> Result
    {
        var search = SecretSearch()
        return try body { piece in
            if let secret = search.look(at: piece) { throw PublishedStateError.secret(secret) }
        }
    }

    /// - Returns: bytes of the file.
    private static func copy(
        _ path: String, to file: FileHandle, at end: Int, _ digest: String?,
        look: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        let source = try FileHandle(path, for: .reading, .refuseLink)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var (hasher, done) = (FileHasher(), 0)
        while true {
            let count = try source.read(into: buffer, at: done)
            if count == 0 { break }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            try look(piece)
            hasher.update(piece)
            try file.write(piece, at: end + done)
            done += count
        }
        guard hasher.finalize().description == digest else {
            throw PublishedStateError.damaged("a file of it is not what its record says")
        }
        return done
    }
}

extension WarmLibrary {
    /// Writes the state that was made of a version for others, as a publisher signs it. Waits for the disk.
    /// - Returns: bytes of the state.
    /// - Throws: as ``WarmExport/write(_:to:)``; ``PublishedStateError/notPortable(_:)`` where there is none.
    package func export(_ version: VersionKey, to folder: String) throws -> UInt64 {
        for row in rows() where row.key == version {
            if let state = try open(self.folder(row.state)), state.record.isForOthers == true {
                return try WarmExport.write(state, to: folder)
            }
        }
        throw PublishedStateError.notPortable("none was made of \(version) for others")
    }
}
