import BlockStore
import ContentAddress
import ImageIndex
import Linux

/// Writes the files of a published state from its blocks, which are all in the cache. Each block is compared with its name as it is read, each
/// file with the digest in the record, and the disk is looked at before anything opens it.
struct StateAssembly {
    private let record: PublishedRecord
    private let index: ImageIndex
    private let cache: BlockCache
    private let reserve: DiskReserve

    /// - Parameter reserve: what is left of the disk for others.
    init(_ record: PublishedRecord, _ index: ImageIndex, _ cache: BlockCache, _ reserve: DiskReserve) {
        (self.record, self.index, self.cache, self.reserve) = (record, index, cache, reserve)
    }

    /// Waits for the disk.
    /// - Throws: ``PublishedStateError/damaged(_:)``, ``SystemCallError``, ``ImageIndexError``.
    func write(to folder: WarmFolder) throws {
        var rest = record.parts[...]
        guard let first = rest.popFirst() else { return }
        var file = try PartFile(first, folder)
        for position in 0..<index.count {
            let block = try index.block(at: position)
            try reserve.checkRoom(for: folder.path(of: file.name))
            try bytes(of: block) { bytes in
                var bytes = bytes
                while true {
                    bytes = try file.take(bytes)
                    guard file.isFull else { break }
                    try file.finish(record.state.digest(of: file.name))
                    guard let next = rest.popFirst() else { break }
                    file = try PartFile(next, folder)
                }
            }
        }
        guard rest.isEmpty, file.isFull else { throw PublishedStateError.damaged("its files are cut off") }
        if record.state.overlayDigest != nil, let fault = try FrozenDisk.fault(of: folder.overlay) {
            throw PublishedStateError.damaged("its disk \(fault)")
        }
    }

    private func bytes(of block: IndexedBlock, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if block.isHole {
            return try [UInt8](repeating: 0, count: block.length).withUnsafeBytes { try body($0) }
        }
        let request = BlockRequest(id: block.id, length: block.length, algorithm: index.algorithm)
        guard let bytes = cache.load(request) else {
            throw PublishedStateError.damaged("a part of it is no longer here")
        }
        try bytes.withUnsafeBytes { try body($0) }
    }
}

/// One file of a state that is being written.
private struct PartFile {
    let name: PublishedRecord.Part.Name
    private let file: FileHandle
    private let size: Int
    private var done = 0
    private var hasher = FileHasher()

    init(_ part: PublishedRecord.Part, _ folder: WarmFolder) throws(SystemCallError) {
        (name, size) = (part.name, Int(clamping: part.size))
        file = try FileHandle(folder.path(of: part.name), for: .writing, [.createNew, .refuseLink], mode: 0o600)
    }

    var isFull: Bool { done == size }

    /// Takes as many bytes as belong to it.
    /// - Returns: the others.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> UnsafeRawBufferPointer {
        let count = min(bytes.count, size - done)
        let own = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        try file.write(own)
        hasher.update(own)
        done += count
        return UnsafeRawBufferPointer(rebasing: bytes[count...])
    }

    func finish(_ digest: String?) throws {
        guard hasher.finalize().description == digest else {
            throw PublishedStateError.damaged("its \(name.rawValue) is not what the record says")
        }
    }
}
