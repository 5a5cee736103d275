import Catalog
import ContentAddress
import Formats
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
    /// - Throws: ``PublisherError`` when anything that leads somewhere cannot be read, but for what is not there or damaged, which no reader
    ///   can follow either; and when the newest metadata is not among what must stay, for then something else is wrong.
    init(_ tree: PublishedTree, _ contents: TreeContents, leaving: Set<String>, now: Int64) throws(PublisherError) {
        let current = contents.state.snapshot.header
        // Of these the tree has no blocks, and another version's must not stay for them.
        let elsewhere = Set(
            try contents.catalog().distributions.flatMap(\.versions).filter { !$0.hasBlocks }.map(\.index))
        for name in contents.names {
            guard let file = contents.file(name), let place = TreeContents.place(of: file) else { continue }
            targets.insert(place)
            if Reachability.isPack(name) {
                let pieces = try contents.pack(name).pieces.map(\.id)
                if leaving.contains(name) {
                    hold(pieces, until: Int64(current.expires.seconds) + Reachability.clockError)
                } else {
                    live.formUnion(pieces)
                }
                continue
            }
            guard Reachability.isIndex(name), !elsewhere.contains(name) else { continue }
            let index = try contents.index(name)
            if leaving.contains(name) {
                try hold(index, until: Int64(current.expires.seconds) + Reachability.clockError)
            } else {
                try Reachability.read(index, name) { live.insert($0) }
            }
        }
        // Changes that wait for a key name indexes that nobody sees yet.
        let drafts: NameTable<SignedDocument>
        do { drafts = try tree.repository.drafts() } catch { throw PublisherError(error, tree: tree.path) }
        for entry in drafts.entries where TopLevelRole(rawValue: entry.name) ?? .targets == .targets {
            try hold(entry.value, of: tree, until: .max)
        }
        let names: [String]
        do { names = try Folder.names(in: "\(tree.path)/metadata") } catch { throw .unreadable(error) }
        for name in names { try keepSnapshot(name, of: tree, current, now: now) }
        var newest = ["\(current.version).snapshot.json"]
        for entry in contents.state.snapshot.files.entries { newest.append(Reachability.file(of: entry)) }
        if let missing = newest.first(where: { !metadata.contains($0) || !names.contains($0) }) {
            let reason = "metadata/\(missing), which the newest catalog needs, was not found; nothing was swept"
            throw .metadata(reason: reason)
        }
    }

    /// The name of the metadata file that a snapshot lists.
    private static func file(of entry: NameTable<MetadataFile>.Entry) -> String {
        let role = PercentEncoding.fileName(of: String(entry.name.dropLast(".json".count)))
        return "\(entry.value.version).\(role).json"
    }

    /// Notes a snapshot that readers may still have, and all that it leads to.
    private mutating func keepSnapshot(
        _ name: String, of tree: PublishedTree, _ current: MetadataHeader, now: Int64
    ) throws(PublisherError) {
        guard name.hasSuffix(".snapshot.json"), let version = Int(name.dropLast(".snapshot.json".count)),
            let document = try Reachability.document("\(tree.path)/metadata/\(name)"),
            // In memory: what is malformed is so for every reader.
            let snapshot = try? SnapshotMetadata(document)
        else { return }
        let until = Int64(snapshot.header.expires.seconds) + Reachability.clockError
        // A newer one than the newest is what a crash left of a change, and the next change's.
        guard version >= current.version || until > now else { return }
        metadata.insert(name)
        for entry in snapshot.files.entries {
            let file = Reachability.file(of: entry)
            guard metadata.insert(file).inserted || version != current.version,
                let document = try Reachability.document("\(tree.path)/metadata/\(file)")
            else { continue }
            try hold(document, of: tree, until: until)
        }
    }

    /// Notes the targets of a role.
    private mutating func hold(
        _ document: SignedDocument, of tree: PublishedTree, until: Int64
    ) throws(PublisherError) {
        // In memory: what is malformed is so for every reader.
        guard let role = try? TargetsMetadata(document) else { return }
        for entry in role.targets.entries {
            guard let place = TreeContents.place(of: entry.value) else { continue }
            targets.insert(place)
            guard (places[place] ?? .min) < until else { continue }
            let path = "\(tree.targets)/\(place)"
            if Reachability.isPack(entry.name) {
                guard let pack = try Reachability.pack(path) else { continue }
                places[place] = until
                hold(pack.pieces.map(\.id), until: until)
            } else if Reachability.isIndex(entry.name), let index = try Reachability.index(path) {
                places[place] = until
                try hold(index, until: until)
            }
        }
    }

    private mutating func hold(_ blocks: [BlockID], until: Int64) {
        for id in blocks { held[id] = max(held[id] ?? .min, until) }
    }

    /// Until when the blocks of an index file, or a pack's, are held already.
    private var places: [String: Int64] = [:]

    private mutating func hold(_ index: ImageIndex, until: Int64) throws(PublisherError) {
        do throws(PublisherError) {
            try Reachability.read(index, "") { held[$0] = max(held[$0] ?? .min, until) }
        } catch {
            // Malformed: as in `index`.
            if case .index = error { return }
            throw error
        }
    }

    private static func isPack(_ name: String) -> Bool { name.hasSuffix(PublishedPack.ending) }

    /// Everything that is neither text of ours is taken for an index: a block too many that stays does no harm.
    private static func isIndex(_ name: String) -> Bool { !name.hasSuffix(".json") && !name.hasSuffix(".bootset") }

    private static func read(_ index: ImageIndex, _ name: String, _ body: (BlockID) -> Void) throws(PublisherError) {
        do {
            try index.forEachBlock { body($0.id) }
        } catch ImageIndexError.file(let cause) {
            throw .unreadable(cause)
        } catch let error as ImageIndexError {
            throw .index(path: name, error)
        } catch {
            throw .index(path: name, .malformed(reason: "\(error)"))
        }
    }

    /// Nil when there is no such file, or it is not an index: no reader gets anything from it either.
    private static func index(_ path: String) throws(PublisherError) -> ImageIndex? {
        try ifUsable { () throws(ImageIndexError) in try ImageIndex(path: path) }
    }

    /// The same of a boot pack.
    private static func pack(_ path: String) throws(PublisherError) -> BootPack? {
        try ifUsable { () throws(ImageIndexError) in try BootPack(path: path) }
    }

    private static func ifUsable<File>(
        _ read: () throws(ImageIndexError) -> File
    ) throws(PublisherError) -> File? {
        do {
            return try read()
        } catch {
            guard case .file(let cause) = error, cause.number != .fileTooLarge else { return nil }
            if cause.number == .noSuchFile { return nil }
            throw .unreadable(cause)
        }
    }

    /// Nil when there is no such file, or it is malformed.
    private static func document(_ path: String) throws(PublisherError) -> SignedDocument? {
        let bytes: [UInt8]
        do {
            bytes = try FileContents.read(path, limit: longestMetadata)
        } catch  where error.number == .noSuchFile {
            return nil
        } catch {
            throw .unreadable(SystemCallError(code: error.code, call: error.call, subject: path))
        }
        // In memory: what is malformed is so for every reader.
        return try? SignedDocument(bytes, maximumLength: longestMetadata)
    }
}
