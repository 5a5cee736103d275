import Catalog
import ContentAddress
import ImageIndex
import Linux
import TUF

/// What readers may still ask a tree for: the mark of mark and sweep.
///
/// A reader that refreshed a moment ago goes on with that catalog until its snapshot expires, so everything that any snapshot
/// which is not expired leads to is held, not only what the newest one does.
struct Reachability {
    /// Blocks of the versions that stay.
    private(set) var live: Set<BlockID> = []
    /// Blocks of other versions, and when the last snapshot that leads to them expires, in seconds since 1970.
    private(set) var held: [BlockID: Int64] = [:]
    /// Files below `targets/` and `metadata/` that must stay.
    private(set) var targets: Set<String> = []
    private(set) var metadata: Set<String> = []

    /// A reader's clock may be behind by so much.
    private static let clockError: Int64 = 86_400
    private static let longestMetadata = 1 << 30

    /// - Parameters:
    ///   - leaving: names of the indexes whose versions are about to go.
    ///   - now: seconds since 1970.
    /// - Throws: ``PublisherError`` when an index that the newest metadata names cannot be read: what it leads to is not known then.
    init(_ tree: PublishedTree, _ contents: TreeContents, leaving: Set<String>, now: Int64) throws(PublisherError) {
        let current = contents.state.snapshot.header
        for name in contents.names {
            guard let file = contents.file(name), let place = TreeContents.place(of: file) else { continue }
            targets.insert(place)
            guard Reachability.isIndex(name) else { continue }
            let index = try contents.index(name)
            if leaving.contains(name) {
                hold(index, until: Int64(current.expires.seconds) + Reachability.clockError)
            } else {
                try Reachability.read(index, name) { live.insert($0) }
            }
        }
        // Changes that wait for a key name indexes that nobody sees yet.
        let drafts: NameTable<SignedDocument>
        do { drafts = try tree.repository.drafts() } catch { throw PublisherError(error, tree: tree.path) }
        for entry in drafts.entries where TopLevelRole(rawValue: entry.name) ?? .targets == .targets {
            hold(entry.value, of: tree, until: .max)
        }
        for name in Folder.names(in: "\(tree.path)/metadata") { keepSnapshot(name, of: tree, current, now: now) }
    }

    /// Notes a snapshot that readers may still have, and all that it leads to.
    private mutating func keepSnapshot(_ name: String, of tree: PublishedTree, _ current: MetadataHeader, now: Int64) {
        guard name.hasSuffix(".snapshot.json"), let version = Int(name.dropLast(".snapshot.json".count)),
            let document = Reachability.document("\(tree.path)/metadata/\(name)"),
            let snapshot = try? SnapshotMetadata(document)
        else { return }
        let until = Int64(snapshot.header.expires.seconds) + Reachability.clockError
        // A newer one than the newest is what a crash left of a change, and the next change's.
        guard version >= current.version || until > now else { return }
        metadata.insert(name)
        for entry in snapshot.files.entries {
            let role = PercentEncoding.fileName(of: String(entry.name.dropLast(".json".count)))
            let file = "\(entry.value.version).\(role).json"
            guard metadata.insert(file).inserted || version != current.version,
                let document = Reachability.document("\(tree.path)/metadata/\(file)")
            else { continue }
            hold(document, of: tree, until: until)
        }
    }

    /// Notes the targets of a role. What cannot be read here cannot be read by a reader either.
    private mutating func hold(_ document: SignedDocument, of tree: PublishedTree, until: Int64) {
        guard let role = try? TargetsMetadata(document) else { return }
        for entry in role.targets.entries {
            guard let place = TreeContents.place(of: entry.value) else { continue }
            targets.insert(place)
            guard Reachability.isIndex(entry.name), (places[place] ?? .min) < until,
                let index = try? ImageIndex(path: "\(tree.targets)/\(place)")
            else { continue }
            places[place] = until
            hold(index, until: until)
        }
    }

    /// Until when the blocks of an index file are held already.
    private var places: [String: Int64] = [:]

    private mutating func hold(_ index: ImageIndex, until: Int64) {
        try? Reachability.read(index, "") { held[$0] = max(held[$0] ?? .min, until) }
    }

    /// Everything that is neither text of ours is taken for an index: a block too many that stays does no harm.
    private static func isIndex(_ name: String) -> Bool { !name.hasSuffix(".json") && !name.hasSuffix(".bootset") }

    private static func read(_ index: ImageIndex, _ name: String, _ body: (BlockID) -> Void) throws(PublisherError) {
        do {
            try index.forEachBlock { body($0.id) }
        } catch let error as ImageIndexError {
            throw .index(path: name, error)
        } catch {
            throw .index(path: name, .malformed(reason: "\(error)"))
        }
    }

    private static func document(_ path: String) -> SignedDocument? {
        guard let bytes = try? FileContents.read(path, limit: longestMetadata) else { return nil }
        return try? SignedDocument(bytes, maximumLength: longestMetadata)
    }
}
