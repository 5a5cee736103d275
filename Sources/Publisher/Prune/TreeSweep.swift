import Catalog
import ContentAddress
import Linux
import TUF

/// The sweep of mark and sweep: removes what nobody can ask for, and was not touched for a while.
///
/// Only files of the forms that a publisher makes are removed; whatever else lies in a tree stays.
struct TreeSweep {
    let tree: PublishedTree
    let reach: Reachability
    /// Seconds since 1970, and how long what was touched stays in any case.
    let now: Int64
    let grace: Int64
    /// False only counts.
    let removes: Bool

    /// - Throws: ``PublisherError/interrupted(signal:)``, ``PublisherError/unwritable(_:)``, ``PublisherError/unreadable(_:)``.
    func run(
        into result: inout PruneResult, progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) {
        let folders = try names(in: try open(tree.blocks)).filter { $0.utf8.count == 4 && isHex($0) }.sorted()
        progress.begin(.sweep, total: 0)
        for folder in folders {
            try cancellation.check()
            try sweepBlocks("\(tree.blocks)/\(folder)", &result)
        }
        if removes { IngestFolder.removeStale(in: tree.blocks) }
        try sweepTargets("", &result)
        try sweepMetadata(&result)
    }

    private func sweepBlocks(_ path: String, _ result: inout PruneResult) throws(PublisherError) {
        let folder = try open(path)
        for name in try names(in: folder) {
            guard name.hasSuffix(".cacnk"), let id = BlockID(hex: name.dropLast(6)), !reach.live.contains(id),
                let entry = try entry(name, in: folder), entry.isRegularFile
            else { continue }
            let until = max(reach.held[id] ?? .min, entry.modified / 1_000_000_000 + grace)
            if until > now {
                result.waitingBlocks += 1
                result.waitingBytes += UInt64(entry.size)
                // A draft holds without an end.
                if until < .max {
                    result.waitingUntil = max(result.waitingUntil ?? .init(seconds: 0), .init(seconds: until))
                }
            } else {
                try remove(name, in: folder, path)
                result.sweptBlocks += 1
                result.sweptBytes += UInt64(entry.size)
            }
        }
        // Only where nothing is left in it; an empty folder that stays does no harm.
        if removes { _ = try? Paths.removeFolder(path) }
    }

    /// Indexes, boot sets and catalogs of old, and what killed publishers left.
    private func sweepTargets(_ below: String, _ result: inout PruneResult) throws(PublisherError) {
        let path = below.isEmpty ? tree.targets : "\(tree.targets)/\(below)"
        let folder = try open(path)
        for name in try names(in: folder) {
            let place = below.isEmpty ? name : "\(below)/\(name)"
            guard let entry = try entry(name, in: folder) else { continue }
            if entry.isFolder {
                // A file system's own, which not everybody may open.
                if ForeignNames.contain(name) { continue }
                try sweepTargets(place, &result)
            } else if entry.isRegularFile, !reach.targets.contains(place), isOurs(name), isOld(entry) {
                try remove(name, in: folder, path)
                result.sweptFiles += 1
            }
        }
    }

    /// A publisher's own: `<64 hex>.NAME`, or hidden while it is made.
    private func isOurs(_ name: String) -> Bool {
        if name.hasPrefix(".") { return name.hasSuffix(".caibx") || name.hasSuffix(".tmp") }
        let digest = name.prefix { $0 != "." }
        return digest.utf8.count == 64 && isHex(digest) && name.utf8.count > 65
    }

    /// Versions of snapshot and targets that no reader can have any more. All roots stay: readers walk them one by one.
    private func sweepMetadata(_ result: inout PruneResult) throws(PublisherError) {
        let path = "\(tree.path)/metadata"
        let folder = try open(path)
        for name in try names(in: folder) where !reach.metadata.contains(name) {
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            let isVersioned = parts.count == 2 && Int(parts[0]) != nil && parts[1] != "root.json"
            guard isVersioned && name.hasSuffix(".json") || name.hasPrefix(".") && name.hasSuffix(".tmp"),
                let entry = try entry(name, in: folder), entry.isRegularFile, isOld(entry)
            else { continue }
            try remove(name, in: folder, path)
            result.sweptFiles += 1
        }
    }

    private func isOld(_ entry: Folder.Entry) -> Bool { entry.modified / 1_000_000_000 + grace <= now }

    private func isHex(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private func open(_ path: String) throws(PublisherError) -> Folder {
        do { return try Folder(path: path) } catch { throw .unreadable(error) }
    }

    private func names(in folder: Folder) throws(PublisherError) -> [String] {
        do { return try folder.names() } catch { throw .unreadable(error) }
    }

    private func entry(_ name: String, in folder: Folder) throws(PublisherError) -> Folder.Entry? {
        do { return try folder.entry(name) } catch { throw .unreadable(error) }
    }

    private func remove(_ name: String, in folder: Folder, _ path: String) throws(PublisherError) {
        guard removes else { return }
        do { try folder.remove(name) } catch {
            throw .unwritable(SystemCallError(code: error.code, call: error.call, subject: "\(path)/\(name)"))
        }
    }
}
