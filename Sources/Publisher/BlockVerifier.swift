import Glibc
import Linux
import Zstd

/// Reads stored blocks and compares them with their names. One thread at a time may use it.
final class BlockVerifier {
    private let store: BlockStoreFolder
    private let decompressor: ZstdDecompressor
    private var stored: [UInt8] = []
    private var content: [UInt8] = []

    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    init(store: BlockStoreFolder) throws(PublisherError) {
        self.store = store
        do { decompressor = try ZstdDecompressor() } catch { throw .compression(reason: "\(error)") }
    }

    /// What is wrong with a block, or nil.
    func problem(with block: WantedBlock) -> TreeProblem? {
        func damaged(_ reason: String) -> TreeProblem {
            .blockDamaged(block.id, version: block.version, reason: reason)
        }
        do {
            let file = try FileHandle(path: store.path(of: block.id), flags: O_RDONLY)
            let size = Int(try file.status().st_size)
            guard size <= ZstdCompressor.bound(block.length) else { return damaged("its file is too long") }
            if stored.count < size { stored = [UInt8](repeating: 0, count: size) }
            if content.count < block.length { content = [UInt8](repeating: 0, count: block.length) }
            let read = try stored.withUnsafeMutableBytes {
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]), at: 0)
            }
            let length = try stored.withUnsafeBytes { input in
                try content.withUnsafeMutableBytes { output in
                    try decompressor.decompress(
                        UnsafeRawBufferPointer(rebasing: input[..<read]),
                        into: UnsafeMutableRawBufferPointer(rebasing: output[..<block.length]))
                }
            }
            guard length == block.length else { return damaged("\(length) bytes instead of \(block.length)") }
            let actual = content.withUnsafeBytes {
                block.algorithm.blockID(of: UnsafeRawBufferPointer(rebasing: $0[..<length]))
            }
            return actual == block.id ? nil : damaged("its digest is \(actual)")
        } catch let error as SystemCallError {
            return .blockUnreadable(block.id, version: block.version, error)
        } catch let error as ZstdError {
            return damaged("\(error)")
        } catch {
            return damaged("\(error)")
        }
    }
}
