import Glibc
import Linux
import TUF
import TestSupport
import Testing

/// What readers see while a publisher writes.
@Suite struct AtomicPublishingTests {
    /// Changes that a publisher makes, with all keys at hand.
    enum Change: CaseIterable {
        case target, rootKey, targetsKey, snapshotKey, timestampKey, timestamp

        func make(_ publisher: PublisherFixture) throws {
            let role: TopLevelRole
            switch self {
            case .timestamp:
                try publisher.repository.renew(signers: publisher.online)
                return
            case .target:
                let target = try publisher.repository.store([2], as: "x")
                try publisher.repository.update(adding: [target], signers: publisher.all)
                return
            case .rootKey: role = .root
            case .targetsKey: role = .targets
            case .snapshotKey: role = .snapshot
            case .timestampKey: role = .timestamp
            }
            let key = SigningKey.generate()
            try publisher.repository.changeKeys(signers: publisher.all + [key]) { roles in
                roles[role]?.replace(publisher.key(role).publicKey, with: key.publicKey)
            }
            publisher.replaceKey(of: role, with: key)
        }
    }

    /// Every state that a kill between two writes could leave is read by a new client and by one that goes on, and
    /// published over.
    @Test(arguments: Change.allCases) func leavesAReadableTreeBetweenAnyTwoWrites(change: Change) async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let old = try publisher.repository.store([1], as: "x")
        try publisher.repository.update(adding: [old], signers: publisher.all)
        let before = try MetadataCopy(publisher.path)
        let watch = try FolderWatch(path: "\(publisher.path)/metadata")
        try change.make(publisher)
        let order = try watch.names().filter { !$0.hasPrefix(".") }
        let after = try MetadataCopy(publisher.path)
        #expect(order.count == Set(order).count && !order.isEmpty)

        let kept = InMemoryMetadataStore()
        for count in 0...order.count {
            let folder = try TemporaryDirectory()
            try before.write(before.files.keys, to: folder.path)
            try after.write(order.prefix(count), to: folder.path)
            for store in [kept, InMemoryMetadataStore()] {
                let client = try TUFClient(
                    store: store, trustedRoot: before.files["1.root.json"],
                    metadata: DirectorySource(path: folder.path),
                    targets: DirectorySource(path: "\(publisher.path)/targets"))
                let target = try #require(try await client.target("x"), "\(order) \(count)")
                let isNew = change == .target && count == order.count
                #expect(try await client.download(target) == (isNew ? [2] : [1]), "\(order) \(count)")
            }
        }
    }

    /// A publisher that was killed goes on: what was left is overwritten or finished, never in the way.
    @Test func publishesOverWhatAKilledPublisherLeft() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let before = try MetadataCopy(publisher.path)
        let first = try publisher.repository.store([1], as: "x")
        try publisher.repository.update(adding: [first], signers: publisher.all)
        // As if the timestamp had not been renamed into its place.
        try before.write(["timestamp.json"], to: "\(publisher.path)/metadata")
        let second = try publisher.repository.store([2], as: "x")
        try publisher.repository.update(adding: [second], signers: publisher.all)
        let client = try await publisher.client()
        let target = try #require(try await client.target("x"))
        #expect(try await client.download(target) == [2])
    }

    /// A reader that never stops while versions are published.
    @Test func readersNeverFailWhileAPublisherWrites() async throws {
        let publisher = try PublisherFixture()
        try publisher.create()
        let reader = Task {
            var refreshes = 0
            while !Task.isCancelled {
                try await publisher.client().refresh()
                refreshes += 1
            }
            return refreshes
        }
        for number in 0..<30 {
            let target = try publisher.repository.store([UInt8(number)], as: "x")
            try publisher.repository.update(adding: [target], signers: publisher.all)
            await Task.yield()
        }
        reader.cancel()
        #expect(try await reader.value > 0)
    }
}

/// The files of a tree's metadata at one moment.
struct MetadataCopy {
    private(set) var files: [String: [UInt8]] = [:]

    init(_ tree: String) throws {
        for name in try Folder(path: "\(tree)/metadata").names() {
            files[name] = try FileContents.read("\(tree)/metadata/\(name)", limit: 1 << 24)
        }
    }

    func write(_ names: some Sequence<String>, to path: String) throws {
        for name in names { try AtomicFile.write(files[name] ?? [], to: "\(path)/\(name)") }
    }
}

/// The order in which files get their names in a folder, from the kernel.
struct FolderWatch {
    private let handle: FileHandle

    init(path: String) throws {
        let flags = Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)
        let handle = FileHandle(owning: try systemCall("inotify_init1") { inotify_init1(flags) })
        let mask = UInt32(IN_MOVED_TO) | UInt32(IN_CREATE)
        try systemCall("inotify_add_watch", path) { inotify_add_watch(handle.descriptor, path, mask) }
        self.handle = handle
    }

    /// The names since the watch began or was last asked.
    func names() throws -> [String] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = try systemCall("read") { Glibc.read(handle.descriptor, &buffer, buffer.count) }
        var names: [String] = []
        var position = 0
        // struct inotify_event: wd, mask, cookie and len of 4 bytes each, then the name, filled up with NULs.
        while position < count {
            let length = buffer[(position + 12)..<(position + 16)].reversed().reduce(0) { $0 << 8 | Int($1) }
            let name = buffer[(position + 16)..<(position + 16 + length)].prefix { $0 != 0 }
            names.append(String(decoding: name, as: UTF8.self))
            position += 16 + length
        }
        return names
    }
}
