import Foundation
import Testing

/// What deletes, keeps or signs makes its file calls through `Linux`, where tests can let each of them fail. This reads the sources and holds
/// that: no file of these paths calls the C library for it.
@Suite struct FileCallTests {
    /// Files and folders below `Sources`: prune, add, ingest, cache eviction, trust state, and the floor below them.
    static let covered = [
        "Bindings/Linux/AtomicFile.swift", "Bindings/Linux/FileContents.swift", "Bindings/Linux/FileHandle.swift",
        "Bindings/Linux/FileSystemSpace.swift", "Bindings/Linux/Folder.swift", "Bindings/Linux/Folder+Paths.swift",
        "Bindings/Linux/Paths.swift",
        "Publisher/Prune", "Publisher/BlockCensus.swift", "Publisher/BlockStoreFolder.swift",
        "Publisher/BlockWorker.swift", "Publisher/ImageDigester.swift", "Publisher/ImagePublisher.swift",
        "Publisher/ImageReading.swift", "Publisher/IngestFolder.swift", "Publisher/KnownImage.swift",
        "Publisher/OutputFolder.swift", "Publisher/PublishedTree.swift", "Publisher/PublishedTree+Add.swift",
        "Publisher/PublishedTree+Keys.swift", "Publisher/PublishedTree+Lock.swift", "Publisher/SigningKeys.swift",
        "Publisher/Source/ImageSource.swift", "Publisher/StaleFiles.swift", "Publisher/StoreLock.swift",
        "Publisher/TreeContents.swift",
        "ImageIndex", "TUF",
        "BlockStore/BlockCache.swift", "BlockStore/BlockCache+Upkeep.swift", "BlockStore/CacheBudget.swift",
        "BlockStore/CacheBudget+Tidying.swift", "BlockStore/CacheFolder.swift", "BlockStore/CacheKeepers.swift",
        "BlockStore/CacheProtection.swift", "BlockStore/CacheUsage.swift", "BlockStore/OpenBlocks.swift",
        "Catalog/CatalogLibrary+Indexes.swift", "Catalog/CatalogLibrary+Kept.swift",
        "Catalog/CatalogLibrary+Trust.swift",
        "Catalog/KnownFiles.swift", "Boot/DepartedVersions.swift",
    ]

    /// The C library's functions about files.
    private static let functions: Set<String> = [
        "open", "openat", "creat", "close", "read", "pread", "readv", "preadv", "write", "pwrite", "writev", "lseek",
        "stat", "lstat", "fstat", "fstatat", "statvfs", "fstatvfs", "access", "faccessat", "mkdir", "mkdirat",
        "mkdtemp", "mkstemp", "opendir", "fdopendir", "readdir", "closedir", "rename", "renameat", "link", "linkat",
        "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "remove", "truncate", "ftruncate", "fsync", "fdatasync",
        "flock", "fcntl", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "utime", "utimes", "utimensat",
        "futimens", "fopen", "fallocate", "posix_fallocate", "sendfile", "copy_file_range", "readlink", "realpath",
    ]

    /// Methods of their own types that have such names.
    private static let methods = [
        "Folder+Paths.swift": ["remove"], "CacheFolder.swift": ["rename"], "CatalogLibrary+Trust.swift": ["write"],
        "CatalogLibrary+Indexes.swift": ["write"],
    ]

    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    private static func files() throws -> [URL] {
        try covered.flatMap { name -> [URL] in
            let url = sources.appending(path: name)
            if name.hasSuffix(".swift") { return [url] }
            let below = try FileManager.default.subpathsOfDirectory(atPath: url.path)
            return below.filter { $0.hasSuffix(".swift") }.map { url.appending(path: $0) }
        }
    }

    /// The calls of a source, without comments, texts and declarations.
    private static func calls(in text: String) -> [String] {
        // What a file declares under such a name is its own.
        let own = Set(text.matches(of: /func (\w+)/).map { String($0.1) })
        return text.split(separator: "\n").flatMap { line -> [String] in
            let line = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
            let code = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset.isMultiple(of: 2) }.map { String($0.element) }.joined(separator: "\"\"")
            // `stat()` without arguments is a structure.
            return code.matches(of: /(^|[^\w.])(Glibc\.)?(\w+)(?=\((?!\)))/).compactMap { match in
                let name = String(match.3)
                guard functions.contains(name), match.2 != nil || !own.contains(name) else { return nil }
                return name
            }
        }
    }

    @Test func noFileCallOfWhatDeletesKeepsOrSignsGoesAroundTheSeam() throws {
        let files = try Self.files()
        #expect(files.count > 90)
        var count = 0
        for file in files {
            let methods = Self.methods[file.lastPathComponent] ?? []
            let found = Self.calls(in: try String(contentsOf: file, encoding: .utf8)).filter { !methods.contains($0) }
            #expect(found == [], "\(file.lastPathComponent) calls the C library itself")
            count += found.count
        }
        print("file calls around the seam: \(count), in \(files.count) files")
    }

    @Test func theSeamHasThemAll() throws {
        let seam = Self.sources.appending(path: "Bindings/Linux/FileCalls.swift")
        let text = try String(contentsOf: seam, encoding: .utf8)
        #expect(Self.calls(in: text).count > 20)
        // Every call stands in one that asks first; `write` asks for itself.
        for line in text.split(separator: "\n") where !Self.calls(in: String(line)).isEmpty {
            let isAsked =
                [
                    "try call(", "return utimensat", "try open(\".\", in:", "try systemCall(\"write\")",
                    "readdir(stream)",
                ].contains {
                    line.contains($0)
                }
            let isFree = ["close(", "closedir(", "fdopendir(", "readlink("].contains { line.contains($0) }
            #expect(isAsked || isFree || line.contains("func "), "\(line)")
        }
    }
}
