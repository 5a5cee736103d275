import Crypto
import Formats
import Linux
import Synchronization
import Upstream

extension VendorLibrary {
    /// Bytes that are read at a time.
    private static let portion = 4_194_304

    /// Verifies a file that is all here: its digests, and the vendor's signature of the file itself where there is one.
    /// - Parameter read: gives bytes of the file from an offset; at most as many as are asked for, at least one.
    /// - Throws: ``VendorsError``: ``VendorsError/unverified(system:url:reason:)`` for a file that is wrong, and no other; what `read` throws.
    package func verifyWhole(
        _ pinned: PinnedFile, read: @escaping @Sendable (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) async throws {
        let size = pinned.source.size ?? 0
        let url = pinned.places.first?.url ?? ""
        let digests = pinned.source.digests
        try await WorkerThread.run(name: "digest") {
            var (short, long) = (SHA256(), SHA512())
            let (wantsShort, wantsLong) = (
                digests.contains { $0.hasPrefix("sha256:") }, digests.contains { $0.hasPrefix("sha512:") }
            )
            guard wantsShort || wantsLong else { return }
            var offset: UInt64 = 0
            while offset < size {
                let bytes = try read(offset, Int(min(UInt64(VendorLibrary.portion), size - offset)))
                guard !bytes.isEmpty else { break }
                if wantsShort { short.update(data: bytes) }
                if wantsLong { long.update(data: bytes) }
                offset += UInt64(bytes.count)
            }
            let found = [
                "sha256:\(Hexadecimal.string(of: short.finalize()))",
                "sha512:\(Hexadecimal.string(of: long.finalize()))",
            ]
            guard offset == size, digests.allSatisfy(found.contains) else {
                throw VendorsError.unverified(
                    system: pinned.system, url: url,
                    reason: "the file that came does not have the digest that its vendor gives")
            }
        }
        guard let path = pinned.signaturePath, let row = table.row(pinned.system) else { return }
        let statements = statements(of: row)
        let signature: [UInt8]
        do { signature = try FileContents.read(path, limit: 65_536) } catch {
            throw VendorsError.state(path: path, reason: error.message)
        }
        let keys = try await statements.keptKeys()
        do {
            _ = try await statements.withKeys(keys) { keys throws(SignatureError) in
                let offset = Mutex<UInt64>(0)
                return try await SignatureVerifier().verify(size: size, signature: signature, keys: keys) {
                    let start = offset.withLock { $0 }
                    guard start < size else { return nil }
                    let bytes = try read(start, Int(min(UInt64(VendorLibrary.portion), size - start)))
                    offset.withLock { $0 = start + UInt64(bytes.count) }
                    return bytes
                }
            }
        } catch {
            throw statements.error(error, url: url)
        }
    }
}
