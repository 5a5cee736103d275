import ContentAddress
import Linux
import Synchronization
import TUF

/// What a process has found out about files of the state, kept while they stay what they were: a file is hashed, and signatures
/// are verified, once. Any thread may use it.
final class KnownFiles: Sendable {
    /// What changes when a file does, unless its disk changes it behind the kernel's back.
    private struct Stamp: Equatable {
        let identity: Linux.FileIdentity
        let size: Int
        let modified: Int64
        let changed: Int64

        init(_ status: FileStatus) {
            identity = status.identity
            size = status.size
            modified = status.modifiedNanoseconds
            changed = status.changedNanoseconds
        }
    }

    private let digests = Mutex<[String: (stamp: Stamp, sha256: String)]>([:])
    private let asked = Mutex<[String: [Stamp?]]>([:])
    private let states = Mutex<[String: (stamps: [Stamp?], state: TrustedState)]>([:])

    /// 64 digits; nil for a file that is not there.
    /// - Throws: ``SystemCallError``.
    func sha256(of path: String) throws(SystemCallError) -> String? {
        let file: FileHandle
        do {
            file = try FileHandle(path, for: .reading)
        } catch  where error.number == .noSuchFile || error.number == .notAFolder {
            return nil
        }
        let stamp = Stamp(try file.status())
        if let known = digests.withLock({ $0[path] }), known.stamp == stamp { return known.sha256 }
        let digest = try FileDigest(of: file).hex
        digests.withLock { $0[path] = (stamp, digest) }
        return digest
    }

    /// ``TrustedState/load(from:limits:time:)``.
    /// - Throws: ``TUFError``.
    func trustedState(in store: DirectoryMetadataStore) throws(TUFError) -> TrustedState {
        guard let stamps = stamps(of: store) else { return try TrustedState.load(from: store) }
        if let known = states.withLock({ $0[store.path] }), known.stamps == stamps { return known.state }
        let state = try TrustedState.load(from: store)
        states.withLock { $0[store.path] = (stamps, state) }
        return state
    }

    /// Whether the store changed since it was last asked this.
    func isNews(in store: DirectoryMetadataStore) -> Bool {
        guard let stamps = stamps(of: store) else { return true }
        return asked.withLock { asked in
            defer { asked[store.path] = stamps }
            return asked[store.path] != stamps
        }
    }

    /// Nil when one cannot be looked at: then nothing is remembered, and the reading of it says why.
    private func stamps(of store: DirectoryMetadataStore) -> [Stamp?]? {
        // The doc comment's reason.
        try? ["root", "timestamp", "snapshot", "targets"].map { role in
            try Paths.status("\(store.path)/\(role).json").map(Stamp.init)
        }
    }
}

extension FileDigest {
    /// Of all of a file. Waits for the disk.
    /// - Throws: ``SystemCallError``.
    package init(of file: FileHandle) throws(SystemCallError) {
        var hasher = FileHasher()
        let size = try file.status().size
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(max(size, 1), 1 << 20), alignment: 16)
        defer { buffer.deallocate() }
        var position = 0
        while true {
            let count = try file.read(into: buffer, at: position)
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += count
            if count < buffer.count { break }
        }
        self = hasher.finalize()
    }
}
