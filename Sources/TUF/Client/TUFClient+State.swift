import Linux

/// The kept state.
extension TUFClient {
    /// How often a lock that another process holds is asked for, and how long between.
    private static let lockAttempts = 600
    private static let lockPause = Duration.milliseconds(50)

    /// What a write does when another process has written since this client read the store.
    enum Overtaking { case beginAnew, leaveOut }

    /// What a refresh begins with.
    func readStore() throws(TUFError) {
        known = [:]
        for role in ["root", "timestamp", "snapshot"] { known[role] = try Self.read(role, from: store, limits: limits) }
    }

    /// Writes a file that was verified against what was read: under the lock, and only where that is still there, so that nothing newer
    /// is replaced by what a slow server gave.
    func keep(
        _ role: String, _ bytes: [UInt8], ifOvertaken: Overtaking = .beginAnew
    ) async throws(TUFError) {
        let lock = try await acquireLock()
        defer { withExtendedLifetime(lock) {} }
        for other in Set(["root", "timestamp", "snapshot", role]) {
            if try Self.read(other, from: store, limits: limits) == known[other] { continue }
            if ifOvertaken == .leaveOut { return }
            isOvertaken = true
            throw .busy
        }
        try Self.write(role, bytes, to: store)
        known[role] = bytes
    }

    /// The store for one write.
    private func acquireLock() async throws(TUFError) -> any Sendable {
        for _ in 0..<Self.lockAttempts {
            do throws(SystemCallError) {
                if let lock = try store.lock() { return lock }
            } catch {
                throw .state(error)
            }
            do { try await Task.sleep(for: Self.lockPause) } catch { throw .cancelled }
        }
        throw .busy
    }

    /// The root to start from: the kept one while it is a valid root, else the one that the user trusts.
    static func startingRoot(
        in store: any MetadataStore, or trustedRoot: [UInt8]?, limits: ClientLimits
    ) throws(TUFError) -> [UInt8] {
        let kept = try read("root", from: store, limits: limits)
        guard let first = kept ?? trustedRoot else { throw .noTrustedRoot }
        do throws(TUFError) {
            _ = try TrustedMetadata(root: first, time: UTCTime(seconds: 0), limits: limits)
            return first
        } catch {
            // A kept root that a broken disk spoiled is replaced by the user's own.
            guard kept != nil, let trustedRoot else { throw error }
            _ = try TrustedMetadata(root: trustedRoot, time: UTCTime(seconds: 0), limits: limits)
            return trustedRoot
        }
    }

    static func read(
        _ role: String, from store: any MetadataStore, limits: ClientLimits
    ) throws(TUFError) -> [UInt8]? {
        do throws(SystemCallError) {
            return try store.read(role, maximumLength: limits.length(of: role))
        } catch  where error.number == .fileTooLarge {
            // Not what was written: it counts as missing.
            return nil
        } catch {
            throw .state(error)
        }
    }

    static func write(_ role: String, _ bytes: [UInt8], to store: any MetadataStore) throws(TUFError) {
        do throws(SystemCallError) {
            try store.write(role, bytes)
        } catch {
            throw .state(error)
        }
    }
}
