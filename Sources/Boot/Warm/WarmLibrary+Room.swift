import BlockStore
import GuestDomain
import Linux

/// A state as it is shown.
package struct WarmRow: Sendable, Equatable {
    /// ``WarmNeeds/key``.
    package let state: String
    package let key: VersionKey
    /// Bytes on the disk.
    package let size: Int
    /// Seconds since 1970.
    package let lastUse: Int
    package let memoryMiB: Int
    package let cpus: Int
    package let hasScreen: Bool
    package let architecture: GuestArchitecture
    package let accelerator: Accelerator
    /// Whether this release may use it.
    package let isUsable: Bool
}

/// What states take of the cache's limit, and what goes when there is no room.
extension WarmLibrary: CacheNeighbour {
    /// All states, the one that was used last first.
    package func rows() -> [WarmRow] {
        states().compactMap { folder in
            // One that cannot be read is not shown; it counts in the limit all the same.
            guard let state = try? open(folder) else { return nil }
            let record = state.record
            return WarmRow(
                state: folder.key, key: record.key, size: WarmLibrary.bytes(in: folder.path), lastUse: lastUse(folder),
                memoryMiB: record.guest.memoryMiB, cpus: record.guest.cpus, hasScreen: record.guest.screen != nil,
                architecture: record.guest.architecture, accelerator: record.guest.accelerator,
                isUsable: isUsable(state))
        }.sorted { ($0.lastUse, $0.state) > ($1.lastUse, $1.state) }
    }

    private func states() -> [WarmFolder] {
        // For what is shown and for making room, as far as possible.
        Folder.namesIfAny(in: path).filter { WarmFolder.isKey($0) }.map { folder($0) }
    }

    /// Whether there is no state, also none that cannot be used.
    var isEmpty: Bool { states().isEmpty }

    private func lastUse(_ folder: WarmFolder) -> Int {
        // One that cannot be looked at goes first.
        (try? Paths.statusOfName(folder.lock))?.modifiedSeconds ?? 0
    }

    package func bytes() -> Int {
        // What is being made, or is on its way out, takes room as well.
        Folder.namesIfAny(in: path).filter { $0 != "tried" && $0 != "lock" }
            .reduce(0) { $0 + WarmLibrary.bytes(in: "\(path)/\($1)") }
    }

    /// A state that is being made stays.
    package func makeRoom(_ bytes: Int) -> Int {
        var freed = 0
        for folder in states().map({ (folder: $0, lastUse: lastUse($0)) }).sorted(by: { $0.lastUse < $1.lastUse }).map(
            \.folder)
        {
            if freed >= bytes { break }
            let size = WarmLibrary.bytes(in: folder.path)
            do throws(SystemCallError) { try takeAway(folder) } catch {
                // One that cannot be removed must not keep the others.
                continue
            }
            freed += size
        }
        return freed
    }

    /// Bytes on the disk of the files in a folder.
    private static func bytes(in path: String) -> Int {
        // What cannot be looked at counts for nothing.
        guard let folder = try? Folder(path: path), let names = try? folder.names() else { return 0 }
        // The same.
        return names.reduce(0) { $0 + ((try? folder.entry($1))?.allocated ?? 0) }
    }
}
