import Linux

extension Folder {
    /// Writes a file under another name and renames it: it appears whole or not at all.
    /// - Parameter durable: also after a power cut.
    func writeFile(
        _ name: String, durable: Bool = false, _ body: (FileHandle) throws(SystemCallError) -> Void
    ) throws(SystemCallError) {
        let temporary = AtomicFile.temporaryName(for: name)
        let file = try file(temporary, for: .writing, .createNew)
        do throws(SystemCallError) {
            try body(file)
            if durable { try file.sync() }
            try rename(temporary, to: name)
            // The name lies in the folder, not in the file.
            if durable { try sync() }
        } catch {
            // One that stays is removed by a walk, an hour later.
            _ = try? remove(temporary)
            throw error
        }
    }

    /// The whole of a file; nil when it is not there.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer than `limit` bytes.
    func readFile(_ name: String, limit: Int) throws(SystemCallError) -> String? {
        try readBytes(name, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a file; nil when it is not there.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer than `limit` bytes.
    func readBytes(_ name: String, limit: Int) throws(SystemCallError) -> [UInt8]? {
        let file: FileHandle
        do {
            file = try self.file(name, for: .reading)
        } catch  where error.number == .noSuchFile {
            return nil
        }
        return try Folder.bytes(of: file, name, limit: limit)
    }

    /// The whole of an open file.
    /// - Parameter name: for errors.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer than `limit` bytes.
    static func text(of file: FileHandle, _ name: String, limit: Int) throws(SystemCallError) -> String {
        String(decoding: try bytes(of: file, name, limit: limit), as: UTF8.self)
    }

    private static func bytes(of file: FileHandle, _ name: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        do throws(SystemCallError) {
            let size = try file.status().size
            guard size <= limit else { throw SystemCallError(.fileTooLarge, call: "read") }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
            defer { buffer.deallocate() }
            let count = try file.read(into: buffer, at: 0)
            return Array(buffer[..<count])
        } catch {
            throw SystemCallError(code: error.code, call: error.call, subject: name)
        }
    }
}
