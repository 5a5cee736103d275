import FoundationEssentials
import Linux

/// The files of one warm state: `CACHE/warm/KEY/`, which nobody else may pass. It appears whole, by the rename of its folder, and is not
/// changed afterwards, but for what is noted of its use.
package struct WarmFolder: Sendable {
    /// 32 hexadecimal digits, see ``WarmNeeds/key``.
    package let key: String
    package let path: String

    /// - Parameter folder: `CACHE/warm`.
    package init(_ key: String, in folder: String) {
        self.init(key: key, path: "\(folder)/\(key)")
    }

    init(key: String, path: String) { (self.key, self.path) = (key, path) }

    package var record: String { "\(path)/\(WarmFolder.recordName)" }
    /// As a ``MemoryFile``.
    package var memory: String { "\(path)/\(WarmFolder.memoryName)" }
    /// What the template wrote; absent for a guest without a disk of its own.
    package var overlay: String { "\(path)/\(WarmFolder.overlayName)" }
    /// UEFI's variables; absent for a BIOS.
    package var variables: String { "\(path)/\(WarmFolder.variablesName)" }
    /// The disk of the seed; absent for a guest without one.
    package var seed: String { "\(path)/\(WarmFolder.seedName)" }
    /// Held with flock while the state is being made. Afterwards its time is that of the last use.
    package var lock: String { "\(path)/lock" }
    /// How many starts in a row have failed; absent for none.
    var failures: String { "\(path)/failures" }

    /// Why the last start that looked at it could not use it; absent where it fitted.
    var misfit: String { "\(path)/misfit" }

    static let recordName = "record.json"
    static let memoryName = "memory"
    static let overlayName = "overlay.qcow2"
    static let variablesName = "variables.fd"
    static let seedName = "seed.img"

    /// Bytes of a record that are read.
    static let longestRecord = 1 << 20

    /// Whether a name is a state's.
    static func isKey(_ name: some StringProtocol) -> Bool {
        name.utf8.count == 32
            && name.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}

extension WarmRecord {
    /// A record that cannot be used: why, as a phrase.
    enum Unusable: Error {
        /// Another program, or a fault of the disk, made it what it is.
        case damaged(String)
        /// A newer release's: nothing is known of what it means.
        case newer
    }

    private struct Head: Decodable { let format: Int }

    /// Reads a record, and trusts nothing of it.
    package static func read(_ bytes: [UInt8]) throws -> WarmRecord {
        do {
            let head = try JSONDecoder().decode(Head.self, from: Data(bytes))
            guard head.format <= currentFormat else { throw Unusable.newer }
            let record = try JSONDecoder().decode(WarmRecord.self, from: Data(bytes))
            if let fault = record.fault { throw Unusable.damaged(fault) }
            return record
        } catch let error as Unusable {
            throw error
        } catch {
            throw Unusable.damaged("another program has written or damaged it")
        }
    }

    /// As ``read(_:)`` reads it.
    package var bytes: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        // A record is made of texts and numbers, which can always be written.
        return (try? encoder.encode(self)).map { [UInt8]($0) } ?? []
    }
}

extension Folder {
    /// The whole of a file in this folder.
    /// - Throws: ``SystemCallError``; EFBIG where it is longer.
    func contents(of name: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        let file = try file(name, for: .reading)
        let status = try file.status()
        guard status.kind == .regular, status.size <= limit else {
            throw SystemCallError(.fileTooLarge, call: "read", subject: name)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, status.size), alignment: 8)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        return Array(buffer[..<min(count, status.size)])
    }
}
