import ContentAddress
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import BlockStore

/// Where a cache's blocks lie: folders that are held open, and those of earlier versions, from which blocks are moved.
@Suite(.serialized) struct CachePlacesTests {
    private let directory: TemporaryDirectory
    private static let image = TestImage(count: 41, length: 1024)
    private var image: TestImage { Self.image }

    init() throws { directory = try TemporaryDirectory(in: FileFaults.place) }

    private var folder: String { directory.path("cache") }

    private func open() -> BlockCache { BlockCache(directory: folder, limit: .bytes(1 << 20)) }

    fileprivate static func fill(_ cache: BlockCache, _ numbers: some Sequence<Int> = 0..<40) {
        for number in numbers {
            let bytes = image.blocks[number]
            cache.store(image.ids[number], BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
        }
    }

    /// Puts blocks where earlier versions had them, the folders of today away.
    fileprivate static func makeOld(_ folder: String, _ numbers: some Sequence<Int> = 0..<40) throws {
        for number in numbers {
            let id = image.ids[number]
            try Folder.make("\(folder)/v1/\(id.hex.prefix(4))")
            try systemCall("rename", id.hex) {
                rename("\(folder)/v1/\(id.cachePath)", "\(folder)/v1/\(id.oldCachePath)")
            }
            rmdir("\(folder)/v1/\(id.hex.prefix(2))")
        }
    }

    private func inode(_ path: String) throws -> UInt {
        try FileHandle("\(folder)/v1/\(path)", for: .reading).status().st_ino
    }

    private func oldFolders() throws -> [String] {
        try Folder.names(in: folder + "/v1").filter { $0.utf8.count == 4 && $0.allSatisfy(\.isHexDigit) }
    }

    @Test func blocksLieInAFolderOfTheirFirstTwoDigits() throws {
        Self.fill(open())
        #expect(try image.ids[..<40].allSatisfy { try Paths.isThere("\(folder)/v1/\($0.cachePath)") })
        #expect(try oldFolders().isEmpty)
    }

    @Test func anOldCacheIsReadAsItIs() throws {
        Self.fill(open())
        try Self.makeOld(folder)
        let cache = open()
        #expect(cache.folder.hasOldPlaces)
        for number in 0..<40 {
            #expect(cache.contains(image.ids[number]))
            #expect(cache.load(image.requests[number])?.bytes == image.blocks[number])
        }
        #expect(!cache.contains(image.ids[40]) && cache.load(image.requests[40]) == nil)
        // What is here is not written a second time.
        Self.fill(cache)
        #expect(try oldFolders().count == Set(image.ids[..<40].map { $0.hex.prefix(4) }).count)
        #expect(try cache.remove([image.ids[3]]) == 1024)
        #expect(!cache.contains(image.ids[3]))
        #expect(cache.repaired == 0)
    }

    @Test func aWalkMovesWhatIsOldWithoutACopy() throws {
        Self.fill(open())
        try Self.makeOld(folder, 0..<30)
        for number in 0..<30 {
            try Paths.setTimes("\(folder)/v1/\(image.ids[number].oldCachePath)", seconds: 1000 + number)
        }
        let before = try image.ids[..<30].map { try inode($0.oldCachePath) }
        let cache = open()
        let status = try cache.status()
        #expect(status.blocks == 40 && status.used == 40 * 1024)
        #expect(try image.ids[..<30].map { try inode($0.cachePath) } == before)
        #expect(try oldFolders().isEmpty)
        #expect(!cache.folder.hasOldPlaces && !open().folder.hasOldPlaces)
        // The order of their use is what it was.
        try cache.prune(to: 15 * 1024)
        #expect((0..<40).filter { cache.contains(image.ids[$0]) } == Array(25..<40))
    }

    @Test func aSessionMovesWhatIsOldBesideItsWork() async throws {
        Self.fill(open())
        try Self.makeOld(folder)
        let cache = open()
        let protection = try cache.protect("session", image.ids[0..<2])
        #expect(await eventually { (try? oldFolders().isEmpty) == true })
        #expect(image.ids[..<40].allSatisfy(cache.contains))
        withExtendedLifetime(protection) {}
    }

    @Test func whatCannotBeMovedStaysAndIsFound() throws {
        Self.fill(open(), 0..<3)
        try Self.makeOld(folder, 0..<3)
        // Something else is in a folder, something else has a block's new name, and the new folder is a link.
        try AtomicFile.write("x", to: "\(folder)/v1/\(image.ids[0].hex.prefix(4))/notes")
        try Folder.make("\(folder)/v1/\(image.ids[1].cachePath)")
        try Folder.make(directory.path("elsewhere"))
        #expect(symlink(directory.path("elsewhere"), "\(folder)/v1/\(image.ids[2].hex.prefix(2))") == 0)
        let cache = open()
        #expect(try cache.status().blocks == 3)
        #expect(cache.folder.hasOldPlaces)
        #expect(try Paths.isThere("\(folder)/v1/\(image.ids[0].cachePath)"))
        #expect(try Paths.isThere("\(folder)/v1/\(image.ids[0].hex.prefix(4))/notes"))
        #expect(try Paths.isThere("\(folder)/v1/\(image.ids[1].oldCachePath)"))
        #expect(try Paths.isThere("\(folder)/v1/\(image.ids[2].oldCachePath)"))
        #expect(try Folder.names(in: directory.path("elsewhere")).isEmpty)
        #expect(cache.load(image.requests[0])?.bytes == image.blocks[0])
    }

    @Test func anOldFolderThatIsALinkIsNotFollowed() throws {
        Self.fill(open(), 0..<2)
        try Self.makeOld(folder, 0..<2)
        let old = "\(folder)/v1/\(image.ids[0].hex.prefix(4))"
        #expect(rename(old, directory.path("elsewhere")) == 0 && symlink(directory.path("elsewhere"), old) == 0)
        let cache = open()
        #expect(!cache.contains(image.ids[0]) && cache.contains(image.ids[1]))
        #expect(try cache.status().blocks == 1)
        #expect(try Folder.names(in: directory.path("elsewhere")) == [image.ids[0].hex])
    }

    @Test func aBlockInBothPlacesIsCountedOnce() throws {
        Self.fill(open(), 0..<2)
        try Self.makeOld(folder, 0..<2)
        try Folder.make("\(folder)/v1/\(image.ids[0].hex.prefix(2))")
        try AtomicFile.write(image.blocks[0], to: "\(folder)/v1/\(image.ids[0].cachePath)")
        let cache = open()
        let status = try cache.status()
        #expect(status.blocks == 2 && status.used == 2048)
        #expect(try oldFolders().isEmpty)
    }

    @Test func nobodyMissesABlockWhileItIsMoved() async throws {
        for _ in 0..<20 {
            Self.fill(open())
            try Self.makeOld(folder)
            let readers = (0..<2).map { _ in open() }
            let mover = open()
            try await withThrowingTaskGroup(of: [Int].self) { group in
                for reader in readers {
                    group.addTask {
                        try await WorkerThread.run(name: "test-reader") {
                            try (0..<10).flatMap { _ in try (0..<40).filter { try !reader.has(Self.image.ids[$0]) } }
                        }
                    }
                }
                try await WorkerThread.run(name: "test-mover") { try mover.folder.moveOldBlocks() }
                for try await missed in group { #expect(missed == []) }
            }
        }
    }

    @Test func aFolderThatSomebodyRemovedIsOpenedAnew() throws {
        let cache = open()
        Self.fill(cache, 0..<1)
        #expect(cache.contains(image.ids[0]))
        TemporaryDirectory.remove("\(folder)/v1/\(image.ids[0].hex.prefix(2))")
        #expect(!cache.contains(image.ids[0]))
        Self.fill(open(), 0..<1)
        #expect(cache.contains(image.ids[0]))
        TemporaryDirectory.remove(folder)
        Self.fill(cache, 0..<1)
        #expect(cache.contains(image.ids[0]) && open().contains(image.ids[0]))
    }

    @Test func onlySoManyFoldersAreHeldOpen() throws {
        let files = CacheFolder(path: folder, mostHeld: 3)
        for number in 0..<41 {
            let bytes = image.blocks[number]
            let block = BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) }
            #expect(try files.write(image.ids[number], block) == bytes.count)
        }
        #expect(zip(image.ids, image.blocks).allSatisfy { files.entry($0)?.size == $1.count })
        let open = try Folder.names(in: "/proc/self/fd").filter { name in
            // The descriptor that lists them is gone by now.
            (try? Paths.target(ofLink: "/proc/self/fd/\(name)"))?.hasPrefix("\(folder)/v1/") == true
        }
        #expect(open.count == 3)
    }

    @Test func movingLosesNothingWhateverFails() async throws {
        Self.fill(open(), 0..<8)
        try Self.makeOld(folder, 0..<8)
        let problems = try await FileFaults.tryEvery("cache move") { number in
            let copy = directory.path("\(number)")
            try FileFaults.copy(folder, to: copy)
            return MoveTrial(folder: copy, image: Self.image)
        }
        #expect(problems == [])
    }
}

/// A cache of an earlier version, to be moved.
private struct MoveTrial: FaultTrial {
    let folder: String
    let image: TestImage

    func run() async throws {
        let cache = BlockCache(directory: folder, limit: .bytes(1 << 20))
        try await WorkerThread.run(name: "trial") { try cache.folder.moveOldBlocks() }
    }

    // What cannot be moved stays.
    func isTolerable(_ fault: FileFaults.Injected) -> Bool { true }

    func check(_ outcome: FileFaults.Outcome) async throws {
        try await WorkerThread.run(name: "check") {
            let cache = BlockCache(directory: folder, limit: .bytes(1 << 20))
            for number in 0..<8 {
                let bytes = cache.load(image.requests[number])?.bytes
                try FileFaults.require(bytes == image.blocks[number], "block \(number) is gone")
            }
            let status = try cache.status()
            try FileFaults.require(status.blocks == 8 && status.used == 8 * 1024, "\(status)")
            try FileFaults.require(!cache.folder.hasOldPlaces, "old folders are left")
            try FileFaults.require(cache.repaired == 0, "a block was damaged")
        }
    }
}
