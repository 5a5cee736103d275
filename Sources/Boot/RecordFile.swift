import FoundationEssentials
import Linux

/// A file of JSON that says what a machine, a suspended guest or the like is made of. It is read within bounds, never in a format that is not
/// known yet, and replaced as a whole.
struct RecordFile: Sendable {
    /// Why nothing can be read of it.
    enum Fault: Error {
        case absent
        /// The reason as a phrase.
        case damaged(reason: String)
        /// A later release wrote it.
        case newer(format: Int)
        case file(SystemCallError)
    }

    private struct Head: Decodable { let format: Int }

    /// Bytes that are read.
    static let longest = 1 << 20

    let path: String

    /// - Parameter format: the newest that is understood.
    func read<Value: Decodable>(_ type: Value.Type = Value.self, upTo format: Int) throws(Fault) -> Value {
        let contents = Data(try bytes())
        let decoder = JSONDecoder()
        do {
            let head = try decoder.decode(Head.self, from: contents)
            guard head.format <= format else { throw Fault.newer(format: head.format) }
            return try decoder.decode(type, from: contents)
        } catch let fault as Fault {
            throw fault
        } catch {
            throw RecordFile.foreign
        }
    }

    private static let foreign = Fault.damaged(reason: "another program has written or damaged it")

    private func bytes() throws(Fault) -> [UInt8] {
        do throws(SystemCallError) {
            let file = try FileHandle(path, for: .reading, [.refuseLink, .nonblocking])
            let status = try file.status()
            guard status.kind == .regular, status.size <= RecordFile.longest else {
                throw SystemCallError(.fileTooLarge, call: "read", subject: path)
            }
            return try file.bytes(status.size)
        } catch {
            if error.isAbsent { throw .absent }
            throw [.fileTooLarge, .isALink].contains(error.number) ? RecordFile.foreign : .file(error)
        }
    }

    /// Writes it, 0600: afterwards it says so, also after a power cut.
    /// - Throws: ``SystemCallError``; what was there before is untouched then.
    func write(_ record: some Encodable) throws(SystemCallError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        // A record is made of texts and numbers, which can always be written.
        guard let bytes = try? encoder.encode(record) else { return }
        try AtomicFile.write([UInt8](bytes), to: path, mode: 0o600, durable: true)
        if let folder = Folder.parent(of: path) { try Folder(path: folder).sync() }
    }
}
