import ContentAddress
import Linux
import Synchronization

/// What the pieces of a file were when they first came: the SHA-256 of each, in a file that processes share.
///
/// A piece whose id says nothing of its bytes (``PieceKey``) is right when it is what it was the first time. So whatever a guest has
/// read is what the whole file's digest is computed from in the end. A digest is in the file before anybody has the piece; after a power
/// cut some may be missing, and then those pieces count as never fetched, as do the guest's reads of them.
///
/// The file: 64 bytes of header (`oscpiec1`, the key's 24 bytes, then little-endian the pieces' length, the file's size and the state),
/// and 32 bytes for each piece, zeros until it has come. No record lies across two sectors.
package final class PieceLedger: Sendable {
    package let path: String
    package let key: PieceKey
    /// Bytes of the whole file.
    package let fileSize: UInt64
    /// Bytes of every piece but the last.
    package let pieceLength: Int
    /// Number of pieces.
    package let count: Int
    private let file: FileHandle
    /// Held while the file is changed, with the file's lock: that one belongs to the open file, so that threads share it.
    private let recording = Mutex(())

    /// Opens a file's ledger, and makes it when there is none.
    ///
    /// One that was cut off loses what is missing, and no more.
    /// - Parameter pieceLength: bytes of every piece but the last.
    /// - Throws: ``PieceLedgerError``.
    package init(
        path: String, key: PieceKey, fileSize: UInt64, pieceLength: Int = 262_144
    ) throws(PieceLedgerError) {
        guard fileSize > 0, pieceLength > 0, (fileSize - 1) / UInt64(pieceLength) < PieceLedger.mostPieces else {
            throw .unusable(path: path, fileSize: fileSize)
        }
        self.path = path
        self.key = key
        self.fileSize = fileSize
        self.pieceLength = pieceLength
        count = Int((fileSize - 1) / UInt64(pieceLength)) + 1
        let header = LedgerHeader(key: key, pieceLength: UInt64(pieceLength), fileSize: fileSize)
        do {
            file = try PieceLedger.open(path)
            defer { file.unlock() }
            try PieceLedger.prepare(file, header, count: count)
        } catch let error as SystemCallError {
            throw .file(SystemCallError(code: error.code, call: error.call, subject: path))
        } catch {
            throw .otherFile(path: path)
        }
    }

    /// Opens a ledger for reading, whatever file it is of.
    /// - Throws: ``PieceLedgerError``.
    convenience init(existing path: String) throws(PieceLedgerError) {
        let found: LedgerHeader?
        do {
            found = try LedgerHeader(of: FileHandle(path, for: .reading, [.refuseLink, .nonblocking]))
        } catch {
            throw .file(error)
        }
        guard let found, found.state != .wrong, found.fileSize > 0, let length = Int(exactly: found.pieceLength),
            length > 0,
            found.fileSize / found.pieceLength < PieceLedger.mostPieces
        else { throw .otherFile(path: path) }
        try self.init(path: path, key: found.key, fileSize: found.fileSize, pieceLength: length)
    }

    /// 1 TiB of standard pieces.
    private static let mostPieces: UInt64 = 4_194_304

    /// Opens and locks the file that has the name.
    private static func open(_ path: String) throws(SystemCallError) -> FileHandle {
        while true {
            let file = try FileHandle(path, for: .both, [.create, .refuseLink, .nonblocking], mode: 0o600)
            _ = try file.lock(exclusive: true, wait: true)
            // Another process may have removed it meanwhile.
            guard try file.hasName() else { continue }
            guard try LedgerHeader(of: file)?.state == .wrong else { return file }
            // Whoever found it wrong did not come as far as this.
            try Paths.remove(path)
        }
    }

    /// Call it under the file's lock.
    private static func prepare(_ file: FileHandle, _ header: LedgerHeader, count: Int) throws {
        let status = try file.status()
        guard status.kind == .regular else { throw PieceLedgerError.otherFile(path: "") }
        var size = Int(status.size)
        if let found = try LedgerHeader(of: file) {
            guard found.isOf(header) else { throw PieceLedgerError.otherFile(path: "") }
        } else {
            guard try LedgerHeader.isUnwritten(in: file) else { throw PieceLedgerError.otherFile(path: "") }
            try file.truncate(to: 0)
            size = 0
        }
        let whole = LedgerHeader.length + count * BlockID.byteCount
        if size < whole {
            // A half of a record is none. The zeros are written, not left out: a full disk should say so now.
            let known = max(0, size - LedgerHeader.length) / BlockID.byteCount * BlockID.byteCount
            let start = LedgerHeader.length + known
            if size > start { try file.truncate(to: start) }
            try [UInt8](repeating: 0, count: whole - start).withBytes { (zeros) throws(SystemCallError) in
                try file.write(zeros, at: start)
            }
        }
        // Last: a header is there only before a whole table.
        if size == 0 {
            try header.bytes.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes, at: 0) }
        }
    }

    // MARK: Pieces

    /// Bytes of a piece.
    package func length(of piece: Int) -> Int {
        piece == count - 1 ? Int(fileSize - UInt64(piece) * UInt64(pieceLength)) : pieceLength
    }

    /// Takes a piece that came from somewhere: its first time is written down, later ones must be the same.
    /// - Returns: false when it is not what came first, or no piece of this file, or when the file was found to be wrong.
    /// - Throws: ``SystemCallError`` when it cannot be written down; then nobody may have it.
    package func accept(_ id: BlockID, _ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Bool {
        guard let piece = piece(id, bytes.count) else { return false }
        let digest = PieceLedger.digest(of: bytes)
        if let known = try record(of: piece) { return try state() != .wrong && known == digest }
        return try exclusively { () throws(SystemCallError) in
            guard try state() != .wrong else { return false }
            // Another was quicker.
            if let known = try record(of: piece) { return known == digest }
            do throws(SystemCallError) {
                try digest.withBytes { (bytes) throws(SystemCallError) in
                    try file.write(bytes, at: PieceLedger.place(of: piece))
                }
            } catch {
                throw SystemCallError(code: error.code, call: error.call, subject: path)
            }
            return true
        }
    }

    /// Whether a piece is what came first. One that was not written down never is, nor any of a file that was found to
    /// be wrong.
    package func matches(_ id: BlockID, _ bytes: UnsafeRawBufferPointer) -> Bool {
        // What cannot be read has not been recorded, as far as anybody can tell.
        guard let piece = piece(id, bytes.count), let known = try? record(of: piece) else { return false }
        // The same.
        return known == PieceLedger.digest(of: bytes) && (try? state()).map { $0 != .wrong } ?? false
    }

    /// The SHA-256 that a piece had when it first came; nil when it has not come.
    package func digest(of piece: Int) -> BlockID? {
        // As above.
        guard (0..<count).contains(piece), let known = try? record(of: piece) else { return nil }
        return known.withUnsafeBytes { BlockID(bytes: $0) }
    }

    /// Whether a piece has been written down.
    package func knows(_ id: BlockID) -> Bool { key.piece(of: id).flatMap(digest) != nil }

    /// Pieces that have come. Reads the table.
    package var recordedCount: Int { recorded().count { $0 } }

    /// Whether every piece has come. Reads the table.
    package var isComplete: Bool { recordedCount == count }

    /// For each piece whether it has come.
    package func recorded() -> [Bool] {
        var bytes = [UInt8](repeating: 0, count: count * BlockID.byteCount)
        // What cannot be read has not come.
        let read = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: LedgerHeader.length) }) ?? 0
        return (0..<count).map { piece in
            let end = (piece + 1) * BlockID.byteCount
            return end <= read && bytes[(end - BlockID.byteCount)..<end].contains { $0 != 0 }
        }
    }

    // MARK: The whole file

    /// Whether the whole file was there once and was right: from then on each of its pieces is known to be.
    package var isFinished: Bool {
        // What cannot be read is not known.
        (try? state()) == .finished
    }

    /// Whether somebody had the whole file and found that it is not what its vendor says. Whoever has the ledger open then knows it,
    /// for his reads were of the same file; the name may be another ledger's by now.
    package var isWrong: Bool {
        // What cannot be read is not known.
        (try? state()) == .wrong
    }

    /// Says that the whole file is right. Durable, and what was recorded with it.
    /// - Returns: false when somebody has found it wrong: that stays.
    /// - Throws: ``SystemCallError``.
    @discardableResult
    package func finish() throws(SystemCallError) -> Bool {
        try exclusively { () throws(SystemCallError) in
            guard try state() != .wrong else { return false }
            try file.sync()
            try write(.finished)
            return true
        }
    }

    /// Sees to it that what was written down is there after a power cut. Waits for the disk.
    /// - Throws: ``SystemCallError``.
    package func sync() throws(SystemCallError) { try file.sync() }

    /// Says that the file is wrong, for good and to all who have the ledger open, and removes its name. Nothing is known of the pieces
    /// any more.
    /// - Throws: ``SystemCallError``.
    package func condemn() throws(SystemCallError) {
        try exclusively { () throws(SystemCallError) in
            try write(.wrong)
            // Another process may have done so, and the name may be a new ledger's.
            if try file.hasName() { try Paths.remove(path) }
        }
    }

    /// Removes the file's name. Whoever has it open goes on with what was written down.
    /// - Throws: ``SystemCallError``.
    package func remove() throws(SystemCallError) {
        try exclusively { () throws(SystemCallError) in if try file.hasName() { try Paths.remove(path) } }
    }

    private func exclusively<Result>(
        _ body: () throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        try recording.withLock { (_) throws(SystemCallError) in
            _ = try file.lock(exclusive: true, wait: true)
            defer { file.unlock() }
            return try body()
        }
    }

    /// Call it under the file's lock.
    private func write(_ state: LedgerHeader.State) throws(SystemCallError) {
        var header = LedgerHeader(key: key, pieceLength: UInt64(pieceLength), fileSize: fileSize)
        header.state = state
        try header.bytes.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes, at: 0) }
        try file.sync()
    }

    private func state() throws(SystemCallError) -> LedgerHeader.State {
        do throws(SystemCallError) { return try LedgerHeader.state(of: file) } catch {
            throw SystemCallError(code: error.code, call: error.call, subject: path)
        }
    }

    private func piece(_ id: BlockID, _ length: Int) -> Int? {
        guard let piece = key.piece(of: id), (0..<count).contains(piece), length == self.length(of: piece) else {
            return nil
        }
        return piece
    }

    /// Nil when the piece has not come, or the file has become too short.
    private func record(of piece: Int) throws(SystemCallError) -> [UInt8]? {
        var record = [UInt8](repeating: 0, count: BlockID.byteCount)
        var read = 0
        var failure: SystemCallError?
        record.withUnsafeMutableBytes { buffer in
            do throws(SystemCallError) {
                read = try file.read(into: buffer, at: PieceLedger.place(of: piece))
            } catch {
                failure = SystemCallError(code: error.code, call: error.call, subject: path)
            }
        }
        if let failure { throw failure }
        return read == record.count && record.contains { $0 != 0 } ? record : nil
    }

    private static func place(of piece: Int) -> Int { LedgerHeader.length + piece * BlockID.byteCount }

    private static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        DigestAlgorithm.sha256.blockID(of: bytes).withUnsafeBytes { Array($0) }
    }
}

extension PieceLedger: Hashable {
    package static func == (left: PieceLedger, right: PieceLedger) -> Bool { left === right }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
